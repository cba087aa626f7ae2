"""The positional arguments of PyTorch's functions, in their order: what a reader's habits say without names.

Each line is a function of `torch`, of `torch.nn.functional` or of `torch.autograd` and its parameters, those that can
be given by position. Two orders of one function are two lines. The table is compared with PyTorch in `agreement`.
"""

POSITIONS = """
abs input
add input other
amax input dim keepdim
avg_pool2d input kernel_size stride padding ceil_mode count_include_pad divisor_override
batch_norm input running_mean running_var weight bias training momentum eps
binary_cross_entropy input target weight size_average reduce reduction
binary_cross_entropy_with_logits input target weight size_average reduce reduction pos_weight
broadcast_to input size
cat tensors dim
clamp input min max
conv2d input weight bias stride padding dilation groups
conv_transpose2d input weight bias stride padding output_padding groups dilation
cross_entropy input target weight size_average ignore_index reduce reduction label_smoothing
div input other
dropout input p training inplace
elu input alpha inplace
embedding input weight padding_idx max_norm norm_type scale_grad_by_freq sparse
exp input
expand input size
flatten input start_dim end_dim
fold input output_size kernel_size dilation padding stride
gather input dim index
group_norm input num_groups weight bias eps
index_select input dim index
instance_norm input running_mean running_var weight bias use_input_stats momentum eps
interpolate input size scale_factor mode align_corners recompute_scale_factor antialias
l1_loss input target size_average reduce reduction weight
layer_norm input normalized_shape weight bias eps
leaky_relu input negative_slope inplace
linear input weight bias
log input
log_softmax input dim dtype
logsumexp input dim keepdim
matmul input other
max_pool2d input kernel_size stride padding dilation ceil_mode return_indices
maximum input other
mean input dim keepdim
minimum input other
mse_loss input target size_average reduce reduction weight
mul input other
neg input
pad input pad mode value
permute input dims
pixel_shuffle input upscale_factor
pixel_unshuffle input downscale_factor
pow input exponent
prelu input weight
relu input inplace
reshape input shape
sigmoid input
softmax input dim dtype
softplus input beta threshold
sqrt input
squeeze input dim
stack tensors dim
std input dim unbiased keepdim
sub input other
sum input dim keepdim
tanh input
transpose input dim0 dim1
unflatten input dim sizes
unfold input kernel_size dilation padding stride
unsqueeze input dim
var input dim unbiased keepdim
where condition input other
"""

GRAD = (
    "outputs inputs grad_outputs retain_graph create_graph only_inputs allow_unused is_grads_batched materialize_grads"
)


def read():
    """{name: the names of its positional parameters}."""
    lines = [line.split() for line in POSITIONS.split("\n") if line] + [["grad", *GRAD.split()]]
    return {name: parameters for name, *parameters in lines}
