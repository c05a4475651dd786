"""The one family of exceptions of facevid. Each message names the file, says what is wrong and what to do."""


class FacevidError(Exception):
    """Anything a user can mend; `str(error)` is one line made for them."""


class UsageError(FacevidError):
    """What was asked for cannot be: an unknown attribute, a value out of range, OUT the same file as IN."""


class InputError(FacevidError):
    """A source that is missing, or that cannot be decoded."""


class NoFaceError(FacevidError):
    """A source in which there is no face to edit."""


class ModelError(FacevidError):
    """A model, or weights, that are missing, damaged, or of another kind than asked for."""


class OutputError(FacevidError):
    """A result that cannot be written: no such folder, no permission, no space, already there."""


class ShotsError(FacevidError):
    """Some shots of a folder that could not be edited; the others were."""
