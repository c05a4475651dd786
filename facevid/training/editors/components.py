"""GANSpace (Härkönen et al., NeurIPS 2020): the principal components of the codes."""

from pathlib import Path

import torch
from sklearn.decomposition import PCA

from facevid.errors import UsageError
from facevid.training.common.run import save_atomically
from facevid.training.editors.codes import CodeSet

COMPONENTS_FILE = "components.pt"
"""File name of the components."""


def fit_components(codes: CodeSet, count: int, folder: Path, seed: int = 0) -> list[float]:
    """Fit principal components to the codes that are not held out, and write `components.pt`.

    GANSpace computes the components of w, one vector for all layers, from randomly sampled codes. Here they are
    computed in W+, with a separate vector for each layer, from the codes of encoded faces, because those are edited.

    The file holds `comp` (K, L, D), of unit length, `mean` (1, L, D) and `std` (K,).

    Args:
        codes: the codes to fit.
        count: number of components.
        folder: folder of `components.pt`.
        seed: seed of the randomised solver.

    Returns:
        The fraction of the variance that each component explains, largest first.

    Raises:
        UsageError: `count` is larger than the number of codes or the size of a code.
    """
    train = codes.part(held_out=False).codes
    if count > min(len(train), train[0].numel()):
        raise UsageError(
            f"--count {count}: {len(train)} codes of {train[0].numel()} numbers have at most "
            f"{min(len(train), train[0].numel())} components"
        )
    pca = PCA(count, svd_solver="auto", random_state=seed).fit(train.flatten(1).numpy())
    content = {
        "comp": torch.from_numpy(pca.components_).float().reshape(count, *train.shape[1:]).contiguous(),
        "mean": torch.from_numpy(pca.mean_).float().reshape(1, *train.shape[1:]),
        "std": torch.from_numpy(pca.explained_variance_).float().sqrt(),
    }
    save_atomically(folder / COMPONENTS_FILE, content)
    return [float(fraction) for fraction in pca.explained_variance_ratio_]
