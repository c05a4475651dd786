"""Face models: an encoder to codes, editors of codes, and a generator or appearance model that decodes them."""

import hashlib
from collections.abc import Mapping
from contextlib import AbstractContextManager
from dataclasses import dataclass
from functools import cached_property
from itertools import chain
from typing import Literal, TypeVar

import numpy as np
import torch
import torch.nn.functional as F
from numpy.typing import ArrayLike, NDArray
from torch import Tensor

from facevid.appearance.change import AppearanceChange
from facevid.appearance.measure import CROP_SIDE
from facevid.errors import ModelError, UsageError
from facevid.models.appearance_codec import PICTURE_SIDE, decode_changes, decode_shapes, draw_pictures, encode_pictures
from facevid.models.editors import Components, Editor, NamedEditor, find_editor
from facevid.networks import (
    AppearanceModel,
    Encoder,
    FeatureStyleEncoder,
    Generator,
    LatentClassifier,
    OcclusionNetwork,
)
from facevid.networks.fixed_batches import in_fixed_batches
from facevid.networks.occlusion import INPUT_SIDE, occlusion_probability
from facevid.networks.prepared_generator import PreparedGenerator
from facevid.networks.state_dict import is_finite
from facevid.options import Detail

_Part = TypeVar("_Part")

PRECISIONS = {"float32": torch.float32, "float16": torch.float16, "bfloat16": torch.bfloat16}
"""Number formats of the networks, by name."""

OCCLUSION_BATCH = 4
"""Least number of faces in a batch of the occlusion network: a small network, which takes a fifth longer one by one."""


@dataclass(frozen=True)
class Settings:
    """Defaults and licence of a model.

    Attributes:
        edit_layers: layers that latent transformers edit.
        detail: default of `--detail`: "keep" applies the appearance change to the plate, for generators of low
            resolution; "replace" inserts the generated face.
        alignment: alignment of the crops; only "ffhq" is supported.
        licence: licence of the weights, as text.
    """

    edit_layers: range
    detail: Detail = "replace"
    alignment: Literal["ffhq"] = "ffhq"
    licence: str = "unknown: ask whoever gave you the weights"


@dataclass(frozen=True)
class FaceModel:
    """Encodes aligned faces to codes, edits codes, and generates faces. Created by `load_model`.

    A model has either a generator and an encoder, or an appearance model, which does both and also decodes codes to
    appearance changes. A network that is missing, as in a model loaded from a single file, is None; methods that need
    it raise ModelError.

    Attributes:
        name: name of the model, for messages.
        classifier: predicts the logits of CelebA's attributes from codes.
        editors: transformers and directions.
        components: GANSpace components; None for none.
        settings: defaults and licence.
        device: device of the networks, and of codes and generated faces.
        average: average code, float32 (L, D), which is added to the encoder's output; None for none.
        layers: number of layers L of a code.
        width: numbers D in each layer of a code.
        precision: number format of the networks, one of `PRECISIONS`.
        batch_size: rows of every batch of a network, padded if necessary: results then do not depend on which faces are
            processed together. None for the rows that a method is given.
    """

    name: str
    generator: Generator | None
    encoder: Encoder | FeatureStyleEncoder | None
    appearance: AppearanceModel | None
    occlusion: OcclusionNetwork | None
    classifier: LatentClassifier | None
    average: Tensor | None
    editors: tuple[NamedEditor, ...]
    components: Components | None
    settings: Settings
    layers: int
    width: int
    device: torch.device
    precision: str = "float32"
    batch_size: int | None = None

    @property
    def _picture_batch(self) -> int | None:
        """Rows of every batch of a network on pictures: one on a CPU, where batches save no time."""
        return 1 if self.batch_size and self.device.type == "cpu" else self.batch_size

    @property
    def resolution(self) -> int:
        """Side of a generated face, in pixels."""
        if self.appearance is not None:
            return PICTURE_SIDE
        return self._need(self.generator, "generator").sizes.resolution

    @property
    def crop_size(self) -> int:
        """Side of aligned faces that the model uses, in pixels. Larger faces are downscaled to it."""
        if self.appearance is not None:
            return CROP_SIDE
        return max(self._needed_encoder.sizes.input_size, INPUT_SIDE)

    @property
    def has_features(self) -> bool:
        """Whether the encoder also maps a face to features of the generator, which `feature_residual` uses."""
        return isinstance(self.encoder, FeatureStyleEncoder) and self.generator is not None

    @property
    def is_small(self) -> bool:
        """Whether its networks are so small that they run fastest on one thread, while other threads prepare frames."""
        return self.appearance is not None

    @property
    def detail(self) -> Detail:
        """Default of `--detail`, "keep" or "replace" (see `Settings`)."""
        return self.settings.detail

    @property
    def fingerprint(self) -> str:
        """Hash that identifies the encoder in cache keys, of a sample of every tensor that codes depend on."""
        if self.appearance is not None:
            return _fingerprint(self.appearance.state_dict())
        average = {} if self.average is None else {"average": self.average}
        return _fingerprint(self._needed_encoder.state_dict() | average)

    @property
    def occlusion_fingerprint(self) -> str:
        """Hash that identifies the occlusion network in cache keys, as `fingerprint` does the encoder."""
        return _fingerprint(self._need(self.occlusion, "occlusion network").state_dict())

    @property
    def _needed_encoder(self) -> Encoder | FeatureStyleEncoder:
        self._need(self.encoder, "encoder")
        assert self.encoder is not None  # mypy would infer the common base class of both from `_need`
        return self.encoder

    @cached_property
    def _prepared_generator(self) -> PreparedGenerator:
        return PreparedGenerator(self._need(self.generator, "generator"), PRECISIONS[self.precision])

    @torch.no_grad()
    def encode(self, faces: NDArray[np.uint8] | Tensor, landmarks: NDArray[np.floating] | None = None) -> Tensor:
        """Encode aligned faces.

        Args:
            faces: uint8 RGB (N, H, H, 3), H of any size.
            landmarks: (N, 84, 2), in pixels of the faces. Only appearance models use them, and detect them if None.

        Returns:
            Codes, float32 (N, L, D), on the model's device.
        """
        if not len(faces):
            return torch.zeros(0, self.layers, self.width, device=self.device)
        if self.appearance is not None:
            pictures = self._checked(faces).cpu().numpy()
            codes = encode_pictures(self.appearance, pictures, landmarks, self.device, self.batch_size)
            return self._finite("codes", codes)
        encoder = self._needed_encoder
        side, pixels = encoder.sizes.input_size, self._checked(faces).to(self.device)
        with self._autocast():
            (codes,) = in_fixed_batches(lambda x: [encoder(_pictures(x, side))], self._picture_batch, pixels)
        codes = codes.float()
        return self._finite("codes", codes if self.average is None else codes + self.average)

    @torch.no_grad()
    def feature_residual(self, faces: NDArray[np.uint8] | Tensor, codes: Tensor | NDArray[np.float32]) -> Tensor | None:
        """Compute what the features of faces differ by from those that the generator computes from their codes.

        With F the features, G the generator's and w a code, this is F - G(w). The generator adds it to its features,
        so that the code w gives F, and an edited code w' gives F + G(w') - G(w), as in the method's program.

        Args:
            faces: aligned faces, uint8 RGB (N, H, H, 3), H of any size.
            codes: float32 (N, L, D), codes of these faces before any edit; they may be smoothed over time.

        Returns:
            float32 (N, C, 16, 16), for `generate`; None if the encoder computes no features.
        """
        if not isinstance(self.encoder, FeatureStyleEncoder) or self.generator is None:
            return None
        network = self.encoder
        pixels, checked = self._checked(faces).to(self.device), self._codes(codes)

        def residual(x: Tensor, w: Tensor) -> list[Tensor]:
            with self._autocast():
                features = network.features(_pictures(x, network.sizes.input_size))
            return [features.float() - self._prepared_generator.features(w)]

        (residuals,) = in_fixed_batches(residual, self._picture_batch, pixels, checked)
        return self._finite("features", residuals)

    @torch.no_grad()
    def occlusion_probability(self, faces: NDArray[np.uint8] | Tensor) -> Tensor:
        """Predict the probability that each part of a face is occluded.

        Args:
            faces: aligned faces, uint8 RGB (N, H, H, 3).

        Returns:
            Occlusion probabilities, float32 (N, V, V), 0 to 1.
        """
        network = self._need(self.occlusion, "occlusion network")
        pixels = self._checked(faces).to(self.device)
        size = self._picture_batch and max(self._picture_batch, OCCLUSION_BATCH)
        with self._autocast():
            (predicted,) = in_fixed_batches(
                lambda x: [occlusion_probability(network, _pictures(x, INPUT_SIDE))], size, pixels
            )
        return self._finite("occlusion probabilities", predicted)

    @torch.no_grad()
    def generate(self, codes: Tensor | NDArray[np.float32], residual: Tensor | None = None) -> Tensor:
        """Generate faces.

        Args:
            codes: float32 (N, L, D).
            residual: from `feature_residual`; None for none.

        Returns:
            float32 (N, 3, R, R), RGB in about [-1, 1] (not clamped).
        """
        checked = self._codes(codes)
        if self.appearance is not None:
            return self._finite("faces", draw_pictures(self.appearance, checked).to(self.device))
        inputs = (checked,) if residual is None else (checked, residual)
        (pictures,) = in_fixed_batches(lambda *x: [self._prepared_generator(*x)], self._picture_batch, *inputs)
        return self._finite("faces", pictures)

    @torch.no_grad()
    def decode_changes(self, *states: Tensor | NDArray[np.float32]) -> list[list[AppearanceChange]]:
        """Decode the appearance changes of edits that are applied one after another.

        Args:
            states: codes of N faces before the edits and after each of them, (N, L, D).

        Returns:
            For each edit, the changes of the N faces.

        Raises:
            ModelError: the model is not an appearance model.
        """
        appearance = self._need(self.appearance, "appearance model")
        decoded = decode_changes(appearance, [self._codes(codes) for codes in states], self.batch_size)
        for change in chain.from_iterable(decoded):
            for part in (change.shape, change.colour, change.gains):
                self._finite("appearance changes", torch.from_numpy(part))
        return decoded

    @torch.no_grad()
    def decode_shapes(self, codes: Tensor | NDArray[np.float32]) -> NDArray[np.float32]:
        """Decode codes (N, L, D) to landmarks in the frame of the mean face, float32 (N, 84, 2).

        Raises:
            ModelError: the model is not an appearance model.
        """
        decoded = decode_shapes(self._need(self.appearance, "appearance model"), self._codes(codes), self.batch_size)
        self._finite("shapes", torch.from_numpy(decoded))
        return decoded

    @torch.no_grad()
    def edit(self, codes: Tensor | NDArray[np.float32], strengths: Mapping[str, float | ArrayLike]) -> Tensor:
        """Edit codes by attributes, one after another in the given order.

        Args:
            codes: float32 (N, L, D); not modified.
            strengths: for each attribute (`smile`, `Smiling`, `direction:smile`, `ganspace:3`), one strength for all
                codes, or (N,), one for each. 1 is the full edit towards the attribute, -1 away from it.

        Returns:
            The edited codes, float32 (N, L, D).

        Raises:
            UsageError: the model cannot edit an attribute, or a strength is not finite.
            ModelError: the edited codes are not finite.
        """
        edited = self._codes(codes).clone()
        for text, strength in strengths.items():
            editor, sign = self.editor(text)
            rows = (self._strength(text, strength, len(edited)) * sign).expand(len(edited), 1, 1)
            (edited,) = in_fixed_batches(lambda w, a, edit=editor: [edit(w, a)], self.batch_size, edited, rows)
        return self._finite("codes", edited)

    def editor(self, text: str) -> tuple[Editor, int]:
        """Return the editor for `NAME` or `METHOD:NAME`, and the sign to multiply the strength by.

        Raises:
            UsageError: the model has no such editor.
        """
        return find_editor(text, self.editors, self.components, self.layers)

    def _strength(self, text: str, strength: float | ArrayLike, count: int) -> Tensor:
        values = torch.as_tensor(strength, dtype=torch.float32, device=self.device)
        if values.ndim > 1 or (values.ndim == 1 and len(values) not in (1, count)):
            raise UsageError(f'"{text}": {tuple(values.shape)} strengths for {count} codes; give one, or one for each')
        if not torch.isfinite(values).all():
            raise UsageError(f'"{text}": a strength must be a finite number')
        return values.reshape(-1, 1, 1)

    def _finite(self, what: str, numbers: Tensor) -> Tensor:
        """Return a network's output. Raises ModelError if it is not finite, which would render as black faces."""
        if not is_finite(numbers):
            remedy = "use bfloat16 or float32" if self.precision == "float16" else "use other weights"
            raise ModelError(
                f"{self.name}: its networks compute {what} that are not finite, in {self.precision}; {remedy}"
            )
        return numbers

    def _checked(self, faces: NDArray[np.uint8] | Tensor) -> Tensor:
        pixels = torch.as_tensor(faces)
        square = pixels.ndim == 4 and pixels.shape[1:] == (pixels.shape[1], pixels.shape[1], 3)
        if pixels.dtype != torch.uint8 or not square:
            raise ValueError(f"faces must be uint8 (N, H, H, 3), not {pixels.dtype} {tuple(pixels.shape)}")
        return pixels

    def _codes(self, codes: Tensor | NDArray[np.float32]) -> Tensor:
        checked = torch.as_tensor(codes, dtype=torch.float32, device=self.device)
        if checked.ndim != 3 or checked.shape[1:] != (self.layers, self.width):
            raise ValueError(f"codes must be (N, {self.layers}, {self.width}), not {tuple(checked.shape)}")
        return checked

    def _need(self, part: _Part | None, what: str) -> _Part:
        if part is None:
            raise ModelError(f"{self.name}: this model has no {what}; import it together with a file that contains one")
        return part

    def _autocast(self) -> AbstractContextManager[None]:
        dtype = PRECISIONS[self.precision]
        return torch.autocast(self.device.type, dtype=dtype, enabled=dtype != torch.float32)


def _pictures(faces: Tensor, side: int) -> Tensor:
    """Convert faces, uint8 (N, H, H, 3), to the input of networks: float32 (N, 3, side, side) in [-1, 1]."""
    x = faces.permute(0, 3, 1, 2).contiguous().float()  # planes of each colour are resized faster
    if x.shape[-1] != side and len(x):
        x = F.interpolate(x, size=(side, side), mode="bilinear", antialias=True)
    return (x / 127.5 - 1).contiguous()


def _fingerprint(tensors: Mapping[str, Tensor]) -> str:
    digest = hashlib.sha256()
    for name, tensor in sorted(tensors.items()):
        sample = tensor.flatten()[:: max(tensor.numel() // 64, 1)]
        digest.update(name.encode() + sample.double().cpu().numpy().tobytes())
    return digest.hexdigest()
