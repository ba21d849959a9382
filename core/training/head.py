"""Fit the linear head of a network on a representation."""

import numpy as np

from core.clustering.kmeans import Floats, Integers


def fit_head(features: Floats, labels: Integers, sample_weight: Floats, penalty: float) -> tuple[Floats, Floats]:
    """Fit a logistic regression on the standardised representation, and fold the scaling into the result.

    Args:
        features: representation, float32 [m, d].
        labels: int64 [m].
        sample_weight: [m].
        penalty: L2 penalty per sample.

    Returns:
        Weight [classes, d] and bias [classes] on raw features, both float32.
    """
    from sklearn.linear_model import LogisticRegression
    from sklearn.preprocessing import StandardScaler

    scaler = StandardScaler().fit(features, sample_weight=sample_weight)
    model = LogisticRegression(C=1 / (penalty * len(labels)), max_iter=1000)
    model.fit(scaler.transform(features), labels, sample_weight=sample_weight)
    weight = model.coef_ / scaler.scale_
    bias = model.intercept_ - weight @ scaler.mean_
    if len(weight) == 1:  # binary models have one row for both classes
        weight, bias = np.concatenate([-weight, weight]) / 2, np.concatenate([-bias, bias]) / 2
    return weight.astype(np.float32), bias.astype(np.float32)
