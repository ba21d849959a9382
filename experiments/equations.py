"""Equations that several recipes share, as lines of plain text, and what their signs mean (no torch)."""

NOTATION = {
    "f_θ, z": "the network with weights θ, and the representation that is the input of its head w",
    "ℓᵢ": "cross-entropy of image i with label yᵢ; p(yᵢ) is the probability that the network gives its label",
    "mean_D, mean_B": "mean over the training split, and over the balanced set: in every pseudo-group, "
    "all classes count equally",
    "C": "conflict samples of the finder; a cell is a (pseudo-group, label)",
    "m ⊙ θ": "weights under a mask m of zeros and ones; σ is the logistic function",
    "R_e": "risk: mean of ℓ over the images of environment e",
}
"""Sign → meaning."""

ERM = "min over θ: mean_D ℓ(f_θ)"
CONTRAST = (
    "L = mean over anchors a and positives p of −log[ exp(s_ap) / (Σ_n exp(s_an) + Σ_p′ exp(s_ap′)) ], "
    "s_ij = cos(z_i, z_j) / τ; p: class of a, other pseudo-group; n: pseudo-group of a, other class"
)
MASKS = "masks: min over α: E over m ~ σ(α) of [ mean_B ℓ(f_{m⊙θ}) + β L ] + λ Σ α; a weight is kept if α ≥ 0"
MASKS_ALONE = "masks: min over α: E over m ~ σ(α) of mean_B ℓ(f_{m⊙θ}) + λ Σ α; a weight is kept if α ≥ 0"
PERMUTED = "permutation: m at random within each layer (weights, or whole channels), as many ones as before"
FINETUNE = "fine-tuning: min over θ: mean_B ℓ(f_{m⊙θ})"
FINETUNE_ALL = "fine-tuning: min over θ: mean_B ℓ(f_θ)"
HEAD = (
    "head: min over w: mean_B ℓ(w·z) + ½ c |w|², z standardised; mean of the heads of several draws of B, "
    "c by the worst cell"
)
BEST = (
    "kept: the network f with the best max over o of min over cells of the accuracy of f + o on validation; "
    "o: an offset for each class, 0 for ERM"
)
PRUSC = (MASKS, CONTRAST, FINETUNE, HEAD, BEST)
BALANCED_GROUPS = "min over θ: mean over g of R_g; R_g: mean of ℓ over g; g: {groups}"
GROUP_DRO = "min over θ: Σ_g q_g R_g; q_g ← q_g exp(η R_g), Σ q = 1; R_g: mean of ℓ over g; g: {groups}"
DFR = (
    "head: min over w: mean over the draw of ℓ(w·z) + ½ c |w|², z standardised; mean of the heads of several draws; "
    "draw: as many images of each true group of the {split} split as the smallest has; c by the worst group"
)
MINORITY_BALANCE = "environments: minority = C; balance = C and as many other images of the same pseudo-groups"
IRM = "min over θ: mean over e of R_e(f_θ) + λ mean over e of (∂R_e(s·f_θ)/∂s at s = 1)²"
EIIL = (
    "environments: max over q in [0, 1]ⁿ: (Σᵢ qᵢ gᵢ / n)² + (Σᵢ (1 − qᵢ) gᵢ / n)², gᵢ = ∂ℓᵢ(s·f)/∂s at s = 1 "
    "of the reference f"
)

OURS_PRUSC = "control for PruSC (ours)"
PAPER_PRUSC = "PruSC, arXiv 2407.14974; masks: Csordás et al., arXiv 2010.02066"
PAPER_DFR = "DFR, arXiv 2204.02937"
PAPER_IRM = "IRM, arXiv 1907.02893"
PAPER_CLUSTERS = "arXiv 2504.15686; the rule is ours"
PAPER_EIIL = "EIIL, arXiv 2010.07249"
PAPER_DRO = "GroupDRO, arXiv 1911.08731"
