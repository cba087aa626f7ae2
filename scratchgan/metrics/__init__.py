"""How far generated samples are from real ones: modes found and lost, and the cost of moving one cloud to the other.

All of it takes NumPy arrays, computes in float64 and returns plain numbers. A number means nothing without what a
perfect generator would get: each measure states its floor or its ceiling.
"""

from scratchgan.metrics.modes import (
    Modes,
    high_quality_ceiling,
    high_quality_share,
    measure_modes,
    mode_counts,
    mode_spread,
    modes_covered,
    reverse_kl,
    reverse_kl_floor,
)
from scratchgan.metrics.transport import (
    Assignment,
    Coupling,
    distances,
    optimal_assignment,
    sinkhorn,
    sinkhorn_divergence,
    sliced_wasserstein,
    transport_1d,
    wasserstein,
    wasserstein_1d,
)
