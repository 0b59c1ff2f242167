"""Keep a texture, or a material made of textures."""

from collections.abc import Mapping
from dataclasses import replace

from lightmill.api.core.component import picture_suffix, shading
from lightmill.api.core.design_bodies import MaterialBody, TextureBody
from lightmill.api.core.manifest import Entry
from lightmill.api.core.problem import ProblemError, invalid
from lightmill.api.ports.designs import Material, Materials, Texture
from lightmill.api.use_cases.make_bundle import MakeBundle
from lightmill.domain.principal import Principal
from lightmill.runtime.ids import new_id


class MakeMaterial:
    """Makes materials and textures out of assets of the tenant."""

    def __init__(self, materials: Materials, bundles: MakeBundle) -> None:
        self._materials = materials
        self._bundles = bundles

    async def texture(self, principal: Principal, body: TextureBody) -> str:
        """Return the caller's id of the new texture.

        Raises:
            ProblemError: it is no picture, it is not there, or the id is taken.
        """
        picture_suffix(body.file.path)
        (file,) = await self._bundles.entries(principal, [body.file])
        texture = Texture(
            id=new_id(),
            texture_id=body.texture_id or new_id(),
            name=body.name,
            colour_space=body.colour_space,
            file=file,
        )
        if not await self._materials.add_texture(principal, texture):
            raise _taken("texture", texture.texture_id)
        return texture.texture_id

    async def __call__(self, principal: Principal, body: MaterialBody) -> str:
        """Return the caller's id of the new material.

        Raises:
            ProblemError: a texture is not there, or the id is taken.
        """
        textures = await self._textures(
            principal, {str(place): name for place, name in body.textures.items()}
        )
        files = {place: _file(place, one) for place, one in textures.items()}
        places = {
            place: {
                "texture_id": one.texture_id,
                "path": files[place].path,
                "colour_space": one.colour_space,
            }
            for place, one in textures.items()
        }
        material = Material(
            id=new_id(),
            material_id=body.material_id or new_id(),
            name=body.name,
            shading={**shading(body), "textures": places},
            files=tuple(files.values()),
            uses=tuple(one.id for one in textures.values()),
        )
        if not await self._materials.add_material(principal, material):
            raise _taken("material", material.material_id)
        return material.material_id

    async def _textures(
        self, principal: Principal, wanted: Mapping[str, str]
    ) -> Mapping[str, Texture]:
        found = await self._materials.textures(principal, sorted(set(wanted.values())))
        for place, name in wanted.items():
            if name not in found:
                raise invalid(f"textures/{place}", f"there is no texture {name}")
        return {place: found[name] for place, name in wanted.items()}


def _file(place: str, texture: Texture) -> Entry:
    return replace(texture.file, path=f"{place}{picture_suffix(texture.file.path)}")


def _taken(noun: str, name: str) -> ProblemError:
    detail = f"{noun}_id: there is a {noun} {name}; choose another id"
    return ProblemError(409, f"{noun}-exists", detail)
