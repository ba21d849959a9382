"""The refitted head works on raw features."""

import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.preprocessing import StandardScaler

from core.training.head import fit_head


@pytest.mark.parametrize("classes", [2, 5])
@pytest.mark.parametrize("weighted", [False, True])
def test_the_folded_head_says_what_scaler_and_regression_say(classes, weighted):
    random = np.random.default_rng(classes)
    labels = random.integers(0, classes, 400)
    centres = random.normal(size=(classes, 6))
    features = (centres[labels] + random.normal(size=(400, 6))) * [1, 20, 0.1, 3, 1, 0] + [0, 100, -1, 0, 7, 2]
    features = features.astype(np.float32)
    sample_weight = random.uniform(0.2, 3, 400) if weighted else np.ones(400)

    weight, bias = fit_head(features, labels, sample_weight, 1e-3)
    assert (weight.shape, bias.shape) == ((classes, 6), (classes,))
    logits = features.astype(np.float64) @ weight.T.astype(np.float64) + bias
    ours = np.exp(logits - logits.max(1, keepdims=True))
    ours /= ours.sum(1, keepdims=True)

    scaler = StandardScaler().fit(features, sample_weight=sample_weight)
    model = LogisticRegression(C=1 / (1e-3 * 400), max_iter=1000)
    theirs = model.fit(scaler.transform(features), labels, sample_weight).predict_proba(scaler.transform(features))
    assert np.abs(ours - theirs).max() < 1e-3
    assert (ours.argmax(1) == theirs.argmax(1)).mean() > 0.995
    assert (ours.argmax(1) == labels).mean() > 0.6


def test_without_a_penalty_it_is_the_plain_logistic_regression():
    random = np.random.default_rng(0)
    features = random.normal(size=(200, 3)).astype(np.float32)
    labels = (features[:, 0] + random.normal(size=200) > 0).astype(np.int64)
    weight, bias = fit_head(features, labels, np.ones(200), 0.0)
    plain = LogisticRegression(C=np.inf).fit(features, labels)
    assert weight[1] - weight[0] == pytest.approx(plain.coef_[0], abs=1e-2)
    assert bias[1] - bias[0] == pytest.approx(plain.intercept_[0], abs=1e-2)
