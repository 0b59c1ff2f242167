"""Renders one frame of a level sequence inside Unreal, and tells how it goes.

Runs in the editor's own Python; everything of `unreal` is Epic's documented interface. The frame
and its place come by the command line.
"""

import json
from collections.abc import Mapping
from typing import Any

import unreal

Asked = Mapping[str, str]
Object = Any
"""Of Unreal, which ships no types."""
MARK = "@lightmill "
FORMATS = {
    "png": "MoviePipelineImageSequenceOutput_PNG",
    "jpg": "MoviePipelineImageSequenceOutput_JPG",
    "exr": "MoviePipelineImageSequenceOutput_EXR",
}


def tell(event: str, **rest: object) -> None:
    """Write one event to the editor's log."""
    unreal.log(f"{MARK}{json.dumps({'event': event, **rest})}")


@unreal.uclass()
class LightmillExecutor(unreal.MoviePipelinePythonHostExecutor):
    """What `-ExecutorPythonClass` names."""

    pipeline = unreal.uproperty(unreal.MoviePipeline)
    told = unreal.uproperty(float)

    def _post_init(self) -> None:
        self.pipeline = None
        self.told = -1.0

    @unreal.ufunction(override=True)
    def execute_delayed(self, _: Object) -> None:
        """Begin, once the level is loaded."""
        line = unreal.SystemLibrary.get_command_line()
        _, _, asked = unreal.SystemLibrary.parse_command_line(line)
        preset = unreal.load_asset(asked["MoviePipelineConfig"])
        if preset is None or unreal.load_asset(asked["LevelSequence"]) is None:
            missing = asked["MoviePipelineConfig" if preset is None else "LevelSequence"]
            tell("failed", kind="missing_file", detail=f"there is no asset {missing}")
            self.on_executor_finished_impl()
            return
        tell("ready")
        job = self._job(asked, preset)
        self.pipeline = unreal.new_object(
            self.target_pipeline_class,
            outer=self.get_last_loaded_world(),
            base_type=unreal.MoviePipeline,
        )
        finished = self.pipeline.on_movie_pipeline_work_finished_delegate
        finished.add_function_unique(self, "on_finished")
        self.pipeline.initialize(job)

    @unreal.ufunction(override=True)
    def on_begin_frame(self) -> None:
        """Tell how far the frame is."""
        super().on_begin_frame()
        if self.pipeline:
            share = round(unreal.MoviePipelineLibrary.get_completion_percentage(self.pipeline), 2)
            if share != self.told:
                self.told = share
                tell("progress", share=share)

    @unreal.ufunction(override=True)
    def is_rendering(self) -> bool:
        """Tell whether the frame is under way."""
        return self.pipeline is not None

    @unreal.ufunction(ret=None, params=[unreal.MoviePipelineOutputData])
    def on_finished(self, results: Object) -> None:
        """Leave; the editor ends after it."""
        self.pipeline = None
        if not results.success:
            tell("failed", kind="engine", detail="the Movie Render Queue did not succeed")
        self.on_executor_finished_impl()

    def _job(self, asked: Asked, preset: Object) -> Object:
        queue = unreal.new_object(unreal.MoviePipelineQueue, outer=self)
        job = queue.allocate_new_job(unreal.MoviePipelineExecutorJob)
        job.sequence = unreal.SoftObjectPath(asked["LevelSequence"])
        job.set_configuration(preset)
        self._configure(job.get_configuration(), asked)
        return job

    def _configure(self, config: Object, asked: Asked) -> None:
        """Let the preset render one frame to its place, whatever else it says."""
        output = config.find_or_add_setting_by_class(unreal.MoviePipelineOutputSetting)
        output.output_directory = unreal.DirectoryPath(asked["LightmillOutput"])
        output.file_name_format = "frame.{frame_number}"
        output.zero_pad_frame_numbers = 4
        output.use_custom_playback_range = True
        output.custom_start_frame = int(asked["LightmillFrame"])
        output.custom_end_frame = int(asked["LightmillFrame"]) + 1  # the end is not rendered
        if "LightmillWidth" in asked and "LightmillHeight" in asked:
            size = int(asked["LightmillWidth"]), int(asked["LightmillHeight"])
            output.output_resolution = unreal.IntPoint(*size)
        kind = getattr(unreal, FORMATS.get(asked["LightmillFormat"], FORMATS["png"]))
        config.find_or_add_setting_by_class(kind)
        config.initialize_transient_settings()
