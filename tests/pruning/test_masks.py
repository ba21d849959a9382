import copy
import math

import pytest
import torch
from torch import nn

from core.errors import InputError
from core.models.networks import build
from core.pruning.masks import MaskedNetwork, maskable_weights


def generator(seed=0, device="cpu"):
    return torch.Generator(device).manual_seed(seed)


def masked_vector(logits, **options):
    """A linear layer of ones as the network: the masked weights are then the masks themselves."""
    network = nn.Linear(len(logits), 1, bias=False)
    nn.init.ones_(network.weight)
    masked = MaskedNetwork(network, **options)
    with torch.no_grad():
        masked.logits.copy_(logits)
    return masked


@pytest.fixture
def network():
    torch.manual_seed(0)
    return build("digits-cnn", 2).eval()


@pytest.fixture
def images():
    return torch.randn(5, 3, 10, 10, generator=generator(1))


# The sampler


@pytest.mark.parametrize("gradient", ["probability", "sample"])
@pytest.mark.parametrize("temperature", [0.3, 1.0, 5.0])
@pytest.mark.parametrize("logit", [-4.0, -1.0, 0.0, 0.5, 2.0, 6.0])
def test_a_weight_is_on_with_the_probability_of_its_logit_at_every_temperature(logit, temperature, gradient):
    n = 200_000
    masked = masked_vector(torch.full((n,), logit), gradient=gradient, temperature=temperature)
    on = masked.sample(generator(3))["weight"].sum().item()
    p = 1 / (1 + math.exp(-logit))
    assert abs(on - n * p) < 4.5 * math.sqrt(n * p * (1 - p)) + 1


def test_a_certain_logit_is_never_overruled_by_the_noise():
    n, seed = 1 << 20, 12
    # The draw holds a 0 (single precision gives one in 2²⁴), whose noise would be −∞.
    assert (torch.empty(n).uniform_(generator=generator(seed)) == 0).any()
    assert masked_vector(torch.full((n,), 30.0)).sample(generator(seed))["weight"].all()
    assert not masked_vector(torch.full((n,), -30.0)).sample(generator(seed))["weight"].any()


@pytest.mark.parametrize("gradient", ["probability", "sample"])
def test_equal_generators_give_equal_masks_and_the_next_draw_differs(gradient):
    masked = masked_vector(torch.zeros(1000), gradient=gradient)
    source = generator(5)
    first, second = (masked.sample(source)["weight"] for _ in range(2))
    assert torch.equal(first, masked.sample(generator(5))["weight"])
    assert not torch.equal(first, second)


def test_both_gradients_share_their_masks():
    logits = torch.randn(1000, generator=generator(1))
    a, b = (masked_vector(logits, gradient=g).sample(generator(2))["weight"] for g in ("probability", "sample"))
    assert torch.equal(a, b)


# The straight-through gradient


def gradient_of_the_logits(masked, upstream, seed=4):
    weights = masked.sample(generator(seed))
    return torch.autograd.grad(list(weights.values()), masked.logits, upstream)[0]


def test_the_gradient_of_the_probability_is_its_closed_form(network):
    masked = MaskedNetwork(network.double())
    with torch.no_grad():
        masked.logits.normal_(0, 5, generator=generator(2))
    upstream = [torch.randn(shape, dtype=torch.float64, generator=generator(3)) for shape in masked.shapes.values()]
    p = torch.sigmoid(masked.logits.detach())
    expected = torch.cat([u.flatten() for u in upstream]) * masked.weights * p * (1 - p)
    torch.testing.assert_close(gradient_of_the_logits(masked, upstream), expected, rtol=1e-9, atol=1e-12)


@pytest.mark.parametrize("temperature", [0.5, 1.0, 3.0])
def test_the_gradient_of_the_sample_is_its_closed_form_from_the_very_draw_of_the_mask(network, temperature):
    masked = MaskedNetwork(network.double(), gradient="sample", temperature=temperature)
    with torch.no_grad():
        masked.logits.normal_(0, 2, generator=generator(2))
    upstream = [torch.randn(shape, dtype=torch.float64, generator=generator(3)) for shape in masked.shapes.values()]
    logits = masked.logits.detach()
    u = torch.empty_like(logits).uniform_(2**-25, 1 - 2**-24, generator=generator(4))
    noisy = logits + u.log() - (1 - u).log()
    s = torch.sigmoid(noisy / temperature)
    expected = torch.cat([g.flatten() for g in upstream]) * masked.weights * s * (1 - s) / temperature
    torch.testing.assert_close(gradient_of_the_logits(masked, upstream), expected, rtol=1e-9, atol=1e-12)
    drawn = torch.cat([w.flatten() for w in masked.sample(generator(4)).values()])
    assert torch.equal(drawn, masked.weights * (noisy > 0))


def test_the_gradient_of_many_weights_is_that_of_each():
    n = (1 << 20) + 17  # more than the blocks in which a CPU computes it
    logits = torch.linspace(-6, 6, n)
    gradient = gradient_of_the_logits(masked_vector(logits), [torch.ones(1, n)])
    p = torch.sigmoid(logits)
    torch.testing.assert_close(gradient, p * (1 - p))


def test_a_switched_off_weight_still_gets_a_gradient():
    masked = masked_vector(torch.full((50,), -2.0))
    weights = masked.sample(generator(0))["weight"]
    weights.sum().backward()
    assert (weights == 0).any()
    assert (masked.logits.grad > 0).all()


def test_a_strided_gradient_lands_on_its_own_logit(network):
    """Convolutions in channels-last order hand back gradients whose memory is not in the order of the logits."""
    masked = MaskedNetwork(network.double())
    upstream = [torch.randn(shape, dtype=torch.float64, generator=generator(3)) for shape in masked.shapes.values()]
    strided = [u.to(memory_format=torch.channels_last) if u.dim() == 4 else u for u in upstream]
    assert torch.equal(gradient_of_the_logits(masked, upstream), gradient_of_the_logits(masked, strided))


def test_two_draws_in_one_step_add_their_gradients(network, images):
    masked = MaskedNetwork(network)

    def loss(seed):
        return masked(images, generator(seed))[0].square().sum()

    (a,), (b,) = (torch.autograd.grad(loss(seed), masked.logits) for seed in (1, 2))
    (loss(1) + loss(2)).backward()
    torch.testing.assert_close(masked.logits.grad, a + b)


def test_the_sparsity_gradient_is_that_of_the_sum_of_the_logits(network, images):
    masked = MaskedNetwork(network)
    (masked(images, generator())[0].sum() + 0.25 * masked.logits.sum()).backward()
    expected, masked.logits.grad = masked.logits.grad, None
    masked(images, generator())[0].sum().backward()
    masked.add_sparsity_gradient(0.25)
    torch.testing.assert_close(masked.logits.grad, expected)
    masked.logits.grad = None
    masked.add_sparsity_gradient(0.25)
    assert torch.equal(masked.logits.grad, torch.full_like(masked.logits, 0.25))


# The network under the masks


def test_certain_logits_give_the_unmasked_network(network, images):
    plain = copy.deepcopy(network)
    masked = MaskedNetwork(network, init=30.0)
    logits, z = masked(images, generator())
    assert torch.equal(logits, plain(images))
    assert torch.equal(z, plain.features(images).flatten(1))


def test_the_hard_forward_is_the_plain_network_loaded_with_the_subnetwork(network, images):
    masked = MaskedNetwork(network)
    with torch.no_grad():
        masked.logits.normal_(generator=generator(2))
    plain = build("digits-cnn", 2).eval()
    plain.load_state_dict(masked.subnetwork_state())
    logits, z = masked.hard(images)
    assert torch.equal(logits, plain(images))
    assert torch.equal(z, plain.features(images).flatten(1))
    assert not logits.requires_grad


def test_a_logit_of_zero_is_kept():
    assert masked_vector(torch.tensor([-1e-6, 0.0, 1e-6])).hard_masks()["weight"].tolist() == [[False, True, True]]


def test_the_keep_ratio_is_that_of_the_exported_weights(network):
    masked = MaskedNetwork(network)
    with torch.no_grad():
        masked.logits.normal_(0.5, generator=generator(2))
    state, masks = masked.subnetwork_state(), masked.hard_masks()
    kept = {name: state[name].count_nonzero().item() for name in masks}
    total = sum(mask.numel() for mask in masks.values())
    assert masked.keep_ratio() == pytest.approx(sum(kept.values()) / total)
    assert 0.5 < masked.keep_ratio() < 0.9
    ratios = {name.removesuffix(".weight"): kept[name] / masks[name].numel() for name in masks}
    assert masked.layer_keep_ratios() == pytest.approx(ratios)
    assert all(torch.equal(state[name] != 0, mask) for name, mask in masks.items())


def test_sampling_and_backward_leave_the_wrapped_network_as_it_was(network, images):
    before = copy.deepcopy(network.state_dict())
    masked = MaskedNetwork(network)
    masked(images, generator())[0].sum().backward()
    masked.hard(images)
    assert list(network.state_dict()) == list(before)
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)
    twin = copy.deepcopy(network)
    assert torch.equal(twin(images), network(images))
    assert all(p.grad is None and not p.requires_grad for p in network.parameters())
    assert [name for name, p in masked.named_parameters() if p.requires_grad] == ["logits"]


def test_in_training_mode_only_the_batchnorm_statistics_move(network, images):
    before = copy.deepcopy(network.state_dict())
    masked = MaskedNetwork(network).train()
    masked(images, generator())
    moved = {name for name, value in network.state_dict().items() if not torch.equal(value, before[name])}
    assert moved == {n for n in before if n.endswith(("running_mean", "running_var", "num_batches_tracked"))}


def test_the_exported_state_is_a_copy(network):
    masked = MaskedNetwork(network)
    before = copy.deepcopy(network.state_dict())
    for tensor in masked.subnetwork_state().values():
        tensor.zero_()
    assert all(torch.equal(network.state_dict()[name], before[name]) for name in before)


def test_a_saved_masked_network_computes_the_same_once_loaded(network, images):
    masked = MaskedNetwork(network)
    with torch.no_grad():
        masked.logits.normal_(generator=generator(2))
    other = MaskedNetwork(build("digits-cnn", 2).eval())
    other.load_state_dict(masked.state_dict())
    assert torch.equal(other(images, generator(7))[0], masked(images, generator(7))[0])
    assert torch.equal(copy.deepcopy(masked)(images, generator(7))[0], masked(images, generator(7))[0])


def test_the_masks_learn_which_inputs_matter():
    """A linear layer that reads ten inputs where the label needs five: the masks switch the others off."""
    network = nn.Linear(10, 2, bias=False)
    with torch.no_grad():
        network.weight.copy_(torch.stack([-torch.ones(10), torch.ones(10)]))
    masked = MaskedNetwork(network)
    source = generator(0)
    optimizer = torch.optim.Adam([masked.logits], lr=0.1)
    for _ in range(200):
        x = torch.randn(128, 10, generator=source)
        y = (x[:, :5].sum(1) > 0).long()
        optimizer.zero_grad()
        nn.functional.cross_entropy(masked(x, source)[0], y).backward()
        masked.add_sparsity_gradient(1e-3)
        optimizer.step()
    assert masked.hard_masks()["weight"].all(0).tolist() == [True] * 5 + [False] * 5


# What is masked


class Twice(nn.Module):
    """Two names for one weight."""

    def __init__(self):
        super().__init__()
        self.first, self.second, self.head = nn.Linear(4, 4), nn.Linear(4, 4), nn.Linear(4, 2)
        self.second.weight = self.first.weight

    def forward(self, x):
        return self.head(self.second(self.first(x).relu()).relu())


def test_a_shared_weight_is_masked_once_and_everywhere():
    torch.manual_seed(0)
    network, x = Twice(), torch.randn(3, 4)
    masked = MaskedNetwork(network)
    assert list(masked.shapes) == ["first.weight", "head.weight"]
    assert masked.logits.numel() == 16 + 8
    with torch.no_grad():
        masked.logits.normal_(generator=generator(1))
    state = masked.subnetwork_state()
    assert torch.equal(state["first.weight"], state["second.weight"])
    assert state["first.weight"].count_nonzero() < 16
    plain = Twice()
    plain.load_state_dict(state)
    assert torch.equal(masked.hard(x)[0], plain(x))
    drawn = masked.sample(generator(2))
    by_hand = nn.functional.linear(x, drawn["first.weight"], network.first.bias).relu()
    by_hand = nn.functional.linear(by_hand, drawn["first.weight"], network.second.bias).relu()
    by_hand = nn.functional.linear(by_hand, drawn["head.weight"], network.head.bias)
    torch.testing.assert_close(masked(x, generator(2))[0], by_hand)


def test_excluding_one_name_of_a_shared_weight_excludes_it():
    assert list(maskable_weights(Twice(), ["second"])) == ["head.weight"]


def test_an_excluded_name_covers_the_layers_below_it(network, images):
    masked = MaskedNetwork(network, init=-30.0, exclude=["features.2", "head"])
    assert list(masked.shapes) == ["features.0.0.weight", "features.4.0.weight"]
    state = masked.subnetwork_state()
    assert torch.equal(state["head.weight"], network.head.weight)
    assert torch.equal(state["features.2.0.weight"], network.features[2][0].weight)
    assert not state["features.0.0.weight"].any()


def test_the_start_of_a_name_is_not_the_name():
    network = nn.ModuleDict({"fc": nn.Linear(2, 2), "fc2": nn.Linear(2, 2)})
    assert list(maskable_weights(network, ["fc"])) == ["fc2.weight"]


@pytest.mark.parametrize(
    ("exclude", "message"),
    [
        (["heed"], "'heed'.*did you mean 'head'"),
        (["features.0.1"], "not a convolution or linear layer"),  # a BatchNorm
        (["features", "head"], "nothing is left"),
    ],
)
def test_names_that_cannot_be_excluded_are_refused(network, exclude, message):
    with pytest.raises(InputError, match=message):
        MaskedNetwork(network, exclude=exclude)


def test_misuse_is_refused(network):
    with pytest.raises(ValueError, match="temperature"):
        MaskedNetwork(network, temperature=0.0)
    with pytest.raises(ValueError, match="gradient"):
        MaskedNetwork(network, gradient="none")
    nn.utils.parametrizations.weight_norm(network.head)
    with pytest.raises(ValueError, match="parametrisation"):
        MaskedNetwork(network)


@pytest.mark.gpu
@pytest.mark.parametrize("gradient", ["probability", "sample"])
def test_sampler_and_gradient_hold_on_a_gpu(gradient):
    n, logit = 1_000_000, 1.5
    masked = masked_vector(torch.full((n,), logit), gradient=gradient).cuda()
    weights = masked.sample(generator(0, "cuda"))["weight"]
    p = 1 / (1 + math.exp(-logit))
    assert abs(weights.sum().item() - n * p) < 4.5 * math.sqrt(n * p * (1 - p))
    assert torch.equal(weights, masked.sample(generator(0, "cuda"))["weight"])
    weights.sum().backward()
    u = torch.empty(n, device="cuda").uniform_(2**-25, 1 - 2**-24, generator=generator(0, "cuda"))
    s = torch.sigmoid(logit + torch.logit(u)) if gradient == "sample" else torch.full_like(u, p)
    torch.testing.assert_close(masked.logits.grad, s * (1 - s))


@pytest.mark.gpu
def test_the_hard_forward_is_the_same_on_a_gpu(network, images):
    masked = MaskedNetwork(network)
    with torch.no_grad():
        masked.logits.normal_(generator=generator(2))
    logits, z = masked.hard(images)
    on_gpu = masked.cuda().hard(images.cuda())
    torch.testing.assert_close((logits, z), tuple(t.cpu() for t in on_gpu), rtol=1e-3, atol=1e-3)
