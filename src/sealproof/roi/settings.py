"""Settings of the regions of interest (`products/<name>/inspection.yaml`: roi)."""

from __future__ import annotations

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, PositiveFloat, PositiveInt, ValidationError, model_validator

from sealproof.evidence.strict import StrictModel

Feature = Literal["rising", "falling", "edge", "dark_line", "bright_line"]
_Share = Annotated[float, Field(ge=0, le=1)]


def _ascending(pair: tuple[float, float]) -> tuple[float, float]:
    if not pair[0] < pair[1]:
        raise ValueError("the first value must be smaller than the second")
    return pair


#: Part of a side of the image: (0, 1) is all of it.
Part = Annotated[tuple[_Share, _Share], AfterValidator(_ascending)]
_Distances = Annotated[tuple[PositiveFloat, PositiveFloat], AfterValidator(_ascending)]


class FullFrameOptions(StrictModel):
    """The whole image is the one patch: no options."""


class FixedRegion(StrictModel):
    """A rectangle at the same place in every image: pixels, half-open."""

    name: str = Field(min_length=1)
    x0: float = Field(ge=0)
    y0: float = Field(ge=0)
    x1: float = Field(ge=0)
    y1: float = Field(ge=0)

    @model_validator(mode="after")
    def _has_an_area(self) -> Self:
        if not (self.x0 < self.x1 and self.y0 < self.y1):
            raise ValueError("x0 must be smaller than x1, and y0 smaller than y1")
        return self


class FixedOptions(StrictModel):
    """Rectangles at fixed places."""

    regions: tuple[FixedRegion, ...] = Field(min_length=1)

    @model_validator(mode="after")
    def _names_differ(self) -> Self:
        names = [region.name for region in self.regions]
        if len(set(names)) < len(names):
            raise ValueError("each region needs a name of its own")
        return self


class GridOptions(StrictModel):
    """The image, or a part of it, cut into equal rectangles."""

    rows: PositiveInt = 2
    columns: PositiveInt = 2
    vertical: Part = (0.0, 1.0)
    horizontal: Part = (0.0, 1.0)


class SobelTransitionOptions(StrictModel):
    """Horizontal transitions found by the row profile of the Sobel gradient, and the patches around or
    between.

    Attributes:
        feature: `rising` (brighter downwards), `falling`, `edge` (either), `dark_line` or `bright_line`.
        scale: standard deviation of the profile's smoothing, pixels; for lines about half their width.
        count: how many transitions there are.
        search: part of the image height in which they lie.
        columns: part of the image width that the profile is taken over.
        spacing: smallest and largest distance of consecutive transitions, pixels; none: any.
        separation: two peaks closer than this, in pixels, are one transition.
        contrast: prominence, in grey values a pixel, at which confidence cannot exceed one half.
        tilt_limit: largest tilt that is looked for, degrees; 0 takes the line as level.
        level: the patch follows the tilt, so that the transition runs level in it.
        above, below: the window reaches this far from the transition, pixels.
        horizontal: part of the image width that patches cover.
        between: patches are the strips between consecutive transitions instead of windows around them.
        outer: with `between`, also the strips above the first and below the last transition.
        inset: with `between`, pixels left out at each transition.
    """

    feature: Feature = "rising"
    scale: PositiveFloat = Field(default=2.0, le=50)
    count: PositiveInt = Field(default=1, le=10)
    search: Part = (0.0, 1.0)
    columns: Part = (0.0, 1.0)
    spacing: _Distances | None = None
    separation: PositiveFloat = 8.0
    contrast: PositiveFloat = 0.002
    tilt_limit: float = Field(default=0.0, ge=0, le=10)
    level: bool = False
    above: PositiveFloat = 32.0
    below: PositiveFloat = 32.0
    horizontal: Part = (0.0, 1.0)
    between: bool = False
    outer: bool = False
    inset: float = Field(default=0.0, ge=0)

    @model_validator(mode="after")
    def _options_fit_together(self) -> Self:
        problems = []
        if self.between and self.count < 2 and not self.outer:
            problems.append("`between` needs a count of at least 2, or `outer: true`")
        if (self.outer or self.inset) and not self.between:
            problems.append("`outer` and `inset` need `between: true`")
        if self.level and not self.tilt_limit:
            problems.append("`level` needs a `tilt_limit` above 0")
        if problems:
            raise ValueError("; ".join(problems))
        return self


Options = FullFrameOptions | FixedOptions | GridOptions | SobelTransitionOptions
_OPTIONS: dict[str, type[Options]] = {
    "full_frame": FullFrameOptions,
    "fixed": FixedOptions,
    "grid": GridOptions,
    "sobel_transition": SobelTransitionOptions,
}


class RoiSettings(StrictModel):
    """Which mask function finds the patches, the size each is resized to, and what becomes of uneven light.

    Attributes:
        illumination: `kept`, or `flattened`: each patch is divided by its own low-pass, see `roi.patches`.
        illumination_scale: standard deviation of that low-pass, as a share of the patch's shorter side.
    """

    method: Literal["full_frame", "fixed", "grid", "sobel_transition"]
    options: dict[str, Any] = Field(default_factory=dict)
    patch_height: PositiveInt = Field(default=128, multiple_of=16)
    patch_width: PositiveInt = Field(default=128, multiple_of=16)
    minimum_confidence: float = Field(default=0.0, ge=0, le=1)
    illumination: Literal["kept", "flattened"] = "kept"
    illumination_scale: float = Field(default=0.2, gt=0, le=2)

    @model_validator(mode="after")
    def _options_belong_to_the_method(self) -> Self:
        try:
            self.parsed_options()
        except ValidationError as error:
            raise ValueError(
                "; ".join(_problem(self.method, problem) for problem in error.errors())
            ) from error
        return self

    def parsed_options(self) -> Options:
        """The options as the mask function takes them."""
        return _OPTIONS[self.method].model_validate(self.options)


def _problem(method: str, problem: Any) -> str:
    key = ".".join(["options", *(str(part) for part in problem["loc"])])
    return (
        f"{key}: unknown for {method}" if problem["type"] == "extra_forbidden" else f"{key}: {problem['msg']}"
    )
