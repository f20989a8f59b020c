"""The scorer of a factor model as an ONNX graph.

The model. Trait ``theta`` of an axis is N(0, 1) in the norm population. Feature ``j`` of that axis, as a robust z score of a call with
``t_j`` seconds of speech, is

    z_j = lambda_j theta + b_j phi_g + e_j ,      e_j ~ N(0, own_j),   phi_g ~ N(0, 1)

where ``phi_g`` is what the features of group g share besides the trait. With ``rho_j`` the reliability of a norm track, which has ``T_j``
seconds of speech, and ``h_j`` the seconds at which reliability is one half (Spearman-Brown),

    rho_j    = T_j / (T_j + h_j)                         part of a norm track's variance that is the speaker's
    lambda_j = r_j sqrt(rho_j)                           r_j: correlation with the trait when speech is plentiful
    unique_j = rho_j (1 - r_j^2)                         the speaker's, but not the trait's
    b_j^2    = c_j unique_j                              shared within the group
    own_j    = (1 - c_j) unique_j + (1 - rho_j) T_j / t_j + v_j

so that z has variance 1 at ``t_j = T_j``, chance variance falls as 1 / t_j, and ``v_j`` is the error variance of the norms themselves.
The posterior of theta is the exact Gaussian one: with ``w_j = known_j / own_j`` and the group factor integrated out (Woodbury),

    gain_j = w_j (lambda_j - b_j  sum_g(w b lambda) / (1 + sum_g(w b^2)))
    information_j = gain_j lambda_j ,   variance = 1 / (1 + sum information) ,   contribution_j = variance gain_j clip(z_j)

A feature that is not known has ``w_j = 0``: it adds no information, so the variance stays wider. It does not count as average.

References
----------
Spearman, C. (1910). Correlation calculated from faulty data. British Journal of Psychology 3, 271-295; Brown, W. (1910), ibid. 296-322.
Woodbury, M. A. (1950). Inverting modified matrices. Memorandum Report 42, Statistical Research Group, Princeton University.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import onnx
from onnx import TensorProto, helper, numpy_helper

__all__ = ["Indicator", "build_scorer"]

OPSET = 17
IR_VERSION = 8
"""Old enough for every onnxruntime that the package admits."""
SHORTEST_EVIDENCE_S = 1e-3
"""Keeps 1 / t finite; at this length the chance variance is thousands of SD squared, which is no evidence."""


@dataclass(frozen=True, slots=True)
class Indicator:
    """Constants of one feature: axis and group (None: none) by index, r in (-1, 1), shared share 0 to 1, half-reliability evidence in
    seconds."""

    axis: int
    r: float
    half_evidence_s: float
    group: int | None = None
    shared_share: float = 0.0


class _Graph:
    """Collects nodes; every operation returns the name of its result."""

    def __init__(self) -> None:
        self.nodes: list[onnx.NodeProto] = []
        self.constants: list[onnx.TensorProto] = []

    def constant(self, name: str, value: np.ndarray | float | list[int], dtype: type = np.float32) -> str:
        self.constants.append(numpy_helper.from_array(np.asarray(value, dtype=dtype), name))
        return name

    def op(self, kind: str, *inputs: str, name: str, **attributes: int) -> str:
        self.nodes.append(helper.make_node(kind, list(inputs), [name], name, None, None, None, **attributes))
        return name


def build_scorer(indicators: Sequence[Indicator], *, axes: int, z_limit: float, doc: str = "") -> bytes:
    """Serialise the scorer.

    Parameters
    ----------
    indicators
        One per feature, in column order.
    axes
        How many axes.
    z_limit
        z scores are clipped to this many SD, so that one wild measurement cannot decide.
    doc
        Description stored in the model.

    Returns
    -------
    bytes
        The same for the same arguments and version of onnx.
    """
    g = _Graph()
    _constants(g, indicators, axes, z_limit)
    _variances(g)
    _posterior(g)
    f = len(indicators)
    tensor = helper.make_tensor_value_info
    inputs = [tensor(name, TensorProto.FLOAT, [1, f]) for name in ("z", "known", "evidence_s", "norm_evidence_s", "norm_variance")]
    outputs = [tensor(name, TensorProto.FLOAT, [1, axes]) for name in ("mean", "variance")]
    outputs += [tensor(name, TensorProto.FLOAT, [1, f, axes]) for name in ("contributions", "information")]
    graph = helper.make_graph(g.nodes, "simpatico_prior", inputs, outputs, initializer=g.constants, doc_string=doc)
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", OPSET)], ir_version=IR_VERSION, producer_name="simpatico")
    onnx.checker.check_model(model, full_check=True)
    return model.SerializeToString(deterministic=True)


def _constants(g: _Graph, indicators: Sequence[Indicator], axes: int, z_limit: float) -> None:
    r = np.array([i.r for i in indicators])
    groups = [i.group for i in indicators]
    same_group = np.array([[float(a is not None and a == b) for b in groups] for a in groups])
    on_axis = np.array([[float(i.axis == a) for a in range(axes)] for i in indicators])
    g.constant("r", r)
    g.constant("unique_share", 1.0 - r**2)
    g.constant("shared_share", np.array([i.shared_share for i in indicators]))
    g.constant("own_share", np.array([1.0 - i.shared_share for i in indicators]))
    g.constant("half_evidence_s", np.array([i.half_evidence_s for i in indicators]))
    g.constant("same_group", same_group)
    g.constant("on_axis", on_axis)
    g.constant("z_low", -z_limit)
    g.constant("z_high", z_limit)
    g.constant("one", 1.0)
    g.constant("shortest_evidence_s", SHORTEST_EVIDENCE_S)
    g.constant("axis_1", [1], np.int64)
    g.constant("axis_2", [2], np.int64)


def _variances(g: _Graph) -> None:
    g.op("Add", "norm_evidence_s", "half_evidence_s", name="norm_plus_half_s")
    g.op("Div", "norm_evidence_s", "norm_plus_half_s", name="rho")
    g.op("Sqrt", "rho", name="sqrt_rho")
    g.op("Mul", "r", "sqrt_rho", name="loading")
    g.op("Mul", "rho", "unique_share", name="unique")
    g.op("Mul", "shared_share", "unique", name="shared_variance")
    g.op("Sqrt", "shared_variance", name="b")
    g.op("Mul", "own_share", "unique", name="own_unique")
    g.op("Sub", "one", "rho", name="chance_share")
    g.op("Max", "evidence_s", "shortest_evidence_s", name="safe_evidence_s")
    g.op("Div", "norm_evidence_s", "safe_evidence_s", name="norm_to_live")
    g.op("Mul", "chance_share", "norm_to_live", name="chance")
    g.op("Add", "own_unique", "chance", name="own_and_chance")
    g.op("Add", "own_and_chance", "norm_variance", name="own")
    g.op("Div", "known", "own", name="w")


def _posterior(g: _Graph) -> None:
    g.op("Mul", "w", "b", name="w_b")
    g.op("Mul", "w_b", "b", name="w_b_b")
    g.op("Mul", "w_b", "loading", name="w_b_loading")
    g.op("MatMul", "w_b_b", "same_group", name="group_w_b_b")
    g.op("MatMul", "w_b_loading", "same_group", name="group_w_b_loading")
    g.op("Add", "one", "group_w_b_b", name="group_precision")
    g.op("Div", "group_w_b_loading", "group_precision", name="group_mean_loading")
    g.op("Mul", "b", "group_mean_loading", name="explained_by_group")
    g.op("Sub", "loading", "explained_by_group", name="loading_left")
    g.op("Mul", "w", "loading_left", name="gain")
    g.op("Mul", "gain", "loading", name="information_by_feature")
    g.op("Clip", "z", "z_low", "z_high", name="z_clipped")
    g.op("Mul", "gain", "z_clipped", name="shift_by_feature")
    g.op("Unsqueeze", "information_by_feature", "axis_2", name="information_column")
    g.op("Mul", "information_column", "on_axis", name="information")
    g.op("ReduceSum", "information", "axis_1", name="information_by_axis", keepdims=0)
    g.op("Add", "one", "information_by_axis", name="precision")
    g.op("Div", "one", "precision", name="variance")
    g.op("Unsqueeze", "shift_by_feature", "axis_2", name="shift_column")
    g.op("Mul", "shift_column", "on_axis", name="shift")
    g.op("Unsqueeze", "variance", "axis_1", name="variance_row")
    g.op("Mul", "shift", "variance_row", name="contributions")
    g.op("ReduceSum", "contributions", "axis_1", name="mean", keepdims=0)
