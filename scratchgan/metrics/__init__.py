"""How far generated samples are from real ones, in the plane and as images.

In the plane: modes found and lost, and the cost of moving one cloud to the other. For images: the `Judge`, which looks
at features of a small classifier, and the measures it takes, of any features.

All of it takes NumPy arrays, computes in float64 and returns plain numbers. A number means nothing without what a
perfect generator would get: each measure states its floor or its ceiling.
"""

# fmt: off
from scratchgan.metrics.classifier import Classifier, trained_classifier
from scratchgan.metrics.clusters import k_means, majority_classes
from scratchgan.metrics.diversity import (
    Neighbours, StackedModes, class_histogram, classes_present, intra_class_spread, nearest_training,
    ssim_within_classes, stacked_modes,
)
from scratchgan.metrics.fidelity import (
    classifier_score, coverage_ceiling, density_coverage, frechet_distance, frechet_distance_of_moments,
    kernel_distance, moments, precision_recall, squared_mmd, sure_share,
)
from scratchgan.metrics.judge import Judge
from scratchgan.metrics.modes import (
    Modes, high_quality_ceiling, high_quality_share, kl_to_uniform, measure_modes, mode_counts, mode_spread,
    modes_covered, reverse_kl, reverse_kl_floor,
)
from scratchgan.metrics.neighbours import nearest
from scratchgan.metrics.partition import annealed_log_partition, log_partition
from scratchgan.metrics.probes import energy_distance, linear_classes, nearest_classes
from scratchgan.metrics.pca import pca_reconstruction
from scratchgan.metrics.report import Measures, Report, Score
from scratchgan.metrics.similarity import as_published, luminance, psnr, sharpness, ssim, ssim_by_height
from scratchgan.metrics.transport import (
    Assignment, Coupling, distances, optimal_assignment, sinkhorn, sinkhorn_divergence, sliced_wasserstein,
    transport_1d, wasserstein, wasserstein_1d,
)

__all__ = [
    "Assignment", "Classifier", "Coupling", "Judge", "Measures", "Modes", "Neighbours", "Report", "Score",
    "StackedModes", "annealed_log_partition", "as_published", "class_histogram", "classes_present",
    "classifier_score", "coverage_ceiling", "density_coverage", "distances", "energy_distance",
    "frechet_distance", "frechet_distance_of_moments", "high_quality_ceiling", "high_quality_share",
    "intra_class_spread", "k_means", "kernel_distance", "kl_to_uniform", "linear_classes", "log_partition",
    "luminance", "majority_classes", "measure_modes", "mode_counts", "mode_spread", "modes_covered", "moments",
    "nearest", "nearest_classes", "nearest_training", "optimal_assignment", "pca_reconstruction",
    "precision_recall", "psnr", "reverse_kl", "reverse_kl_floor", "sharpness", "sinkhorn",
    "sinkhorn_divergence", "sliced_wasserstein", "squared_mmd", "ssim", "ssim_by_height", "ssim_within_classes",
    "stacked_modes", "sure_share", "trained_classifier", "transport_1d", "wasserstein", "wasserstein_1d",
]
# fmt: on
