import numpy as np
import torch

from core.artifacts import MODEL
from core.config import Model
from core.finding.eiil import environment_attribute, extend
from core.finding.pseudo_groups import PseudoGroups
from core.stages.eiil import Eiil, FindByEiil
from core.tensors import save_tensors
from core.training.images import Images
from core.training.network import new_network
from tests.training.stage_lab import CPU, context_of, run_folder, shortcut_data


def test_with_two_classes_the_attribute_is_label_xor_environment():
    random = torch.Generator().manual_seed(0)
    logits = torch.randn(100, 2, generator=random)
    labels, worse = (torch.randint(0, 2, (100,), generator=random) for _ in range(2))
    assert torch.equal(environment_attribute(logits, labels, worse.bool()), labels ^ worse)


def test_with_more_classes_it_is_the_most_likely_class_other_than_the_label():
    logits = torch.tensor([[3.0, 2.0, 1.0], [3.0, 2.0, 1.0], [0.0, 1.0, 2.0], [5.0, 0.0, 1.0]])
    labels, worse = torch.tensor([0, 1, 2, 0]), torch.tensor([True, True, False, True])
    assert environment_attribute(logits, labels, worse).tolist() == [1, 0, 2, 2]


def test_held_out_samples_get_the_attribute_that_their_representation_shows():
    random = np.random.default_rng(0)
    attribute = random.choice([0, 2], 300)  # class 1 never occurs
    centres = np.array([[0.0, 3.0], [9.0, 9.0], [3.0, 0.0]])
    features = (centres[attribute] + 0.3 * random.standard_normal((300, 2))).astype(np.float32)
    assert (extend(attribute[:200], features[:200], features[200:], 1e-3, 0) == attribute[200:]).all()


def test_one_attribute_value_is_given_to_all():
    features = np.zeros((5, 2), np.float32)
    assert extend(np.full(5, 1), features, features[:3], 1e-3, 0).tolist() == [1, 1, 1]


def test_the_finder_finds_the_conflicts_of_a_network_that_knows_the_shortcut_alone(tmp_path):
    data = shortcut_data()
    folder, model = run_folder(tmp_path), Model(name="mlp")
    torch.manual_seed(0)
    network, train = new_network(model, data), Images(data, "train", CPU)
    attribute = torch.from_numpy(data.splits["train"].attributes[:, 0])
    adam = torch.optim.Adam(network.parameters(), 1e-3)
    for _ in range(20):
        adam.zero_grad()
        torch.nn.functional.cross_entropy(network(train.plain(torch.arange(400))), attribute).backward()
        adam.step()
    folder.artifacts("erm").mkdir(parents=True)
    save_tensors(folder.artifacts("erm") / MODEL, network.state_dict())
    context = context_of(folder, data, stage="eiil")
    FindByEiil(Eiil(steps=400, lr=0.05), None, model).run(context)
    found = PseudoGroups.load(context.directory)
    assert (found.conflicts == (data.splits["train"].attributes[:, 0] != data.splits["train"].labels)).all()
    assert (found.train == data.splits["train"].attributes[:, 0]).all()
    assert found.validation is not None
    assert (found.validation == data.splits["validation"].attributes[:, 0]).mean() > 0.95
