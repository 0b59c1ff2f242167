"""Stands in for Unreal: the documented Python classes, as far as the executor uses them."""

import shutil
import sys
import time
from pathlib import Path
from typing import Any

COMMAND_LINE: list[str] = []
PICTURES = Path(__file__).parent / "pictures"
ASSETS = {"/Game/Shots/A.A", "/Game/Shots/Endless.Endless", "/Game/Presets/P.P"}


def log(text: str) -> None:
    sys.stdout.write(f"[2026.11.22-10.00.00:000][  0]LogPython: {text}\n")
    sys.stdout.flush()


def uclass() -> Any:
    def register(kind: type) -> type:
        CLASSES[f"/Engine/PythonTypes.{kind.__name__}"] = kind
        return kind

    return register


def ufunction(**_: object) -> Any:
    return lambda function: function


def uproperty(_: object) -> None:
    return None


CLASSES: dict[str, type] = {}


class Delegate:
    def __init__(self) -> None:
        self.calls: list[Any] = []

    def add_function_unique(self, owner: object, name: str) -> None:
        self.calls.append(getattr(owner, name))


class MoviePipelineOutputData:
    def __init__(self, *, success: bool) -> None:
        self.success = success


class MoviePipelineOutputSetting:
    pass


class MoviePipelineImageSequenceOutput_PNG:  # noqa: N801  # Unreal's spelling
    suffix = "png"


class MoviePipelineImageSequenceOutput_JPG:  # noqa: N801  # Unreal's spelling
    suffix = "jpeg"


class MoviePipelineImageSequenceOutput_EXR:  # noqa: N801  # Unreal's spelling
    suffix = "exr"


class DirectoryPath:
    def __init__(self, path: str) -> None:
        self.path = path


class SoftObjectPath(str):
    pass


class IntPoint(tuple[int, int]):
    def __new__(cls, x: int, y: int) -> "IntPoint":
        return tuple.__new__(cls, (x, y))


class Config:
    def __init__(self) -> None:
        self.settings: dict[type, Any] = {}

    def find_or_add_setting_by_class(self, kind: type) -> Any:
        return self.settings.setdefault(kind, kind())

    def initialize_transient_settings(self) -> None:
        pass


class MoviePipelineExecutorJob:
    sequence = ""

    def set_configuration(self, preset: Config) -> None:
        self.config = preset

    def get_configuration(self) -> Config:
        return self.config


class MoviePipelineQueue:
    def allocate_new_job(self, kind: type) -> Any:
        return kind()


class MoviePipeline:
    def __init__(self) -> None:
        self.on_movie_pipeline_work_finished_delegate = Delegate()
        self.share = 0.0

    def initialize(self, job: MoviePipelineExecutorJob) -> None:
        self.job = job

    def step(self) -> None:
        if "Endless" in self.job.sequence:
            time.sleep(3600)
        self.share += 0.5
        if self.share >= 1:
            self.finish()

    def finish(self) -> None:
        settings = self.job.get_configuration().settings
        output = settings[MoviePipelineOutputSetting]
        assert output.use_custom_playback_range
        assert output.custom_end_frame == output.custom_start_frame + 1
        kind = next(one for one in settings if hasattr(one, "suffix"))
        number = f"{output.custom_start_frame:0{output.zero_pad_frame_numbers}}"
        name = output.file_name_format.replace("{frame_number}", number)
        folder = Path(output.output_directory.path)
        folder.mkdir(parents=True)
        source = PICTURES / f"{number}.{kind.suffix}"
        success = source.is_file()
        if success:
            shutil.copyfile(source, folder / f"{name}.{kind.suffix}")
        for call in self.on_movie_pipeline_work_finished_delegate.calls:
            call(MoviePipelineOutputData(success=success))


class MoviePipelineLibrary:
    @staticmethod
    def get_completion_percentage(pipeline: MoviePipeline) -> float:
        return pipeline.share


class SystemLibrary:
    @staticmethod
    def get_command_line() -> str:
        return " ".join(COMMAND_LINE)

    @staticmethod
    def parse_command_line(line: str) -> tuple[list[str], list[str], dict[str, str]]:
        words = line.split()
        tokens = [word for word in words if not word.startswith("-")]
        flags = [word[1:] for word in words if word.startswith("-")]
        pairs = dict(flag.split("=", 1) for flag in flags if "=" in flag)
        return tokens, [flag for flag in flags if "=" not in flag], pairs


class MoviePipelinePythonHostExecutor:
    target_pipeline_class = MoviePipeline
    finished = False

    def on_begin_frame(self) -> None:
        pass

    def get_last_loaded_world(self) -> None:
        return None

    def on_executor_finished_impl(self) -> None:
        self.finished = True


def load_asset(path: str) -> Config | None:
    return Config() if path in ASSETS else None


def new_object(kind: type, outer: object = None, base_type: type | None = None) -> Any:
    del outer, base_type
    return kind()
