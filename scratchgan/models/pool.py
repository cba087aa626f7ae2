"""A memory of generated images, so that a critic does not forget what G made before."""

import numpy as np

from scratchgan.data.checks import whole


class ImagePool:
    """The last images that a generator made: a critic is shown a mixture of these and new ones.

    Until there are ``size``, each image is kept and shown. From then on, half of the new images take the place of a
    kept one, which is shown instead. (Shrivastava et al. 2017, arXiv:1612.07828, §2.3.)

    Parameters
    ----------
    size : int
    image : tuple of int
        The shape of one.
    """

    def __init__(self, size, image):
        self.kept, self.count = np.zeros((whole(size, "size", 0), *image), np.float32), 0

    def exchange(self, images, rng):
        """A batch of as many images, (N, …) -> (N, …); arrays."""
        return np.stack([self._exchanged(image, rng) for image in images])

    def _exchanged(self, image, rng):
        if self.count < len(self.kept):
            self.kept[self.count] = image
            self.count += 1
            return image
        if rng.random() < 0.5:
            return image
        place = rng.integers(self.count)
        old, self.kept[place] = self.kept[place].copy(), image
        return old

    def state_dict(self):
        """The images, and how many there are: {"kept": (size, …), "count": ()}."""
        return {"kept": self.kept.copy(), "count": np.array(self.count)}

    def load_state_dict(self, state):
        """Take over a `state_dict`."""
        if state["kept"].shape != self.kept.shape or not 0 <= state["count"] <= len(self.kept):
            raise ValueError(f"{state['count']} of {state['kept'].shape} do not fit a pool {self.kept.shape}")
        self.kept, self.count = state["kept"].astype(np.float32), int(state["count"])
