"""What clients send of designs, materials and textures."""

from typing import Annotated, Literal

from pydantic import Field

from lightmill.api.core.bodies import Body, FileBody, Files, Name

Unit = Annotated[float, Field(ge=0, le=1)]
Colour = tuple[Unit, Unit, Unit]
Slot = Literal["base_color", "metallic", "roughness", "normal", "emission", "alpha"]


class VersionBody(Body):
    """A model with its files; `materials` says which of the tenant's stand for the model's own.

    Its keys are names of materials in the model, or `*` for whatever else is solid.
    """

    model: str = Field(max_length=1024, examples=["chair.glb"])
    files: Files
    materials: dict[Name, Name] = Field(
        default_factory=dict, max_length=1000, examples=[{"Seat": "oak"}]
    )
    engine: Literal["blender", "simulated"] = "blender"
    allow_missing: bool = False
    thumbnail: bool = True


class DesignBody(VersionBody):
    """A design and its first version; `design_id` may be of the caller's choosing."""

    design_id: Name | None = Field(default=None, examples=["test-design-1"])
    name: Name = Field(examples=["Chair"])


class TextureBody(Body):
    """A picture for materials; `Non-Color` for what is no colour, such as normals."""

    texture_id: Name | None = Field(default=None, examples=["oak-colour"])
    name: Name = Field(examples=["Oak"])
    file: FileBody
    colour_space: Literal["sRGB", "Non-Color"] = "sRGB"


class ShadingBody(Body):
    """How a surface looks, as in glTF: colours are linear, 0 to 1; a texture goes before a number.

    What is not given stays as Blender's Principled BSDF has it.
    """

    base_color: Colour | None = None
    alpha: Unit | None = None
    metallic: Unit | None = None
    roughness: Unit | None = None
    transmission: Unit | None = None
    ior: float | None = Field(default=None, ge=1, le=5)
    emission: Colour | None = None
    emission_strength: float | None = Field(default=None, ge=0, le=1e6)
    normal_strength: float | None = Field(default=None, ge=0, le=10)
    textures: dict[Slot, Name] = Field(
        default_factory=dict, examples=[{"base_color": "oak-colour"}]
    )


class MaterialBody(ShadingBody):
    """A material that many designs may use; `textures` names textures of the tenant."""

    material_id: Name | None = Field(default=None, examples=["oak"])
    name: Name = Field(examples=["Oak, oiled"])
