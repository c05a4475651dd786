"""GANSpace (Härkönen et al., NeurIPS 2020): the principal components of the codes."""

from pathlib import Path

import torch
from sklearn.decomposition import PCA

from facevid.errors import UsageError
from facevid.training.common.run import save_whole
from facevid.training.editors.codes import CodeSet

COMPONENTS_FILE = "components.pt"


def fit_components(codes: CodeSet, count: int, folder: Path, seed: int = 0) -> list[float]:
    """Fit components to the codes that are not held out and write `components.pt`; return the variance each explains.

    GANSpace takes the components of w, the same for every layer, from codes drawn at random. These are of W+, each
    component moving every layer its own way, and of encoded faces: the codes that are edited.

    The file holds `comp` (K, L, D) of unit length, `mean` (1, L, D) and `std` (K,). Raises UsageError where there are
    fewer codes than components.
    """
    known = codes.part(held_out=False).codes
    if count > min(len(known), known[0].numel()):
        raise UsageError(f"--count {count}: {len(known)} codes of {known[0].numel()} numbers have fewer components")
    analysis = PCA(count, svd_solver="auto", random_state=seed).fit(known.flatten(1).numpy())
    content = {
        "comp": torch.from_numpy(analysis.components_).float().reshape(count, *known.shape[1:]).contiguous(),
        "mean": torch.from_numpy(analysis.mean_).float().reshape(1, *known.shape[1:]),
        "std": torch.from_numpy(analysis.explained_variance_).float().sqrt(),
    }
    save_whole(folder / COMPONENTS_FILE, content)
    return [float(share) for share in analysis.explained_variance_ratio_]
