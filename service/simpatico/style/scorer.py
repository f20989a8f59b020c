"""The scorer: ``model.onnx`` behind onnxruntime, one thread, CPU only.

The contract of a scorer with F features and A axes; all tensors are float32 with a leading batch dimension (1 here):

=====================  ==============  ========================================================================================
input                  shape           meaning
=====================  ==============  ========================================================================================
``z``                  [1, F]          robust z score of each feature; 0 where unknown
``known``              [1, F]          1 where the feature was measured and has a norm, else 0
``evidence_s``         [1, F]          seconds of the caller's speech that it rests on
``norm_evidence_s``    [1, F]          seconds of speech behind a typical track of the norms
``norm_variance``      [1, F]          error variance of the norms themselves, in z units squared
=====================  ==============  ========================================================================================

=====================  ==============  ========================================================================================
output                 shape           meaning
=====================  ==============  ========================================================================================
``mean``               [1, A]          posterior mean of each axis under an N(0, 1) prior
``variance``           [1, A]          posterior variance, in (0, 1]
``contributions``      [1, F, A]       additive shares of ``mean``: they sum to it over F
``information``        [1, F, A]       additive shares of precision: ``variance = 1 / (1 + sum over F)``
=====================  ==============  ========================================================================================

With nothing known the answer must be the prior: mean 0, variance 1, no contributions. :class:`Scorer` probes this, and that the parts sum
to the whole, when it loads a model, so a model that breaks the contract is refused before the first call and not during it.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import onnxruntime as ort
from numpy.typing import NDArray

from simpatico.errors import BundleError

__all__ = ["INPUTS", "OUTPUTS", "Evidence", "Scorer"]

INPUTS = ("z", "known", "evidence_s", "norm_evidence_s", "norm_variance")
OUTPUTS = ("mean", "variance", "contributions", "information")

_FLOAT = "tensor(float)"
_ERRORS_ONLY = 3
"""onnxruntime's severity ERROR: its warnings (about graphics cards that are not there, for one) are nobody's business here."""
_PROBE_TOLERANCE = 1e-4
"""Float32 sums of a few dozen numbers of size 1 agree to about 1e-6; a model off by 1e-4 breaks the contract, not the rounding."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What the scorer made of the features, in information form.

    ``shift`` and ``information`` are float64 [F, A]: additive shares of the likelihood's precision x mean, and of its precision.
    """

    shift: NDArray[np.float64]
    information: NDArray[np.float64]


class Scorer:
    """A checked inference session.

    Parameters
    ----------
    model
        The bytes of ``model.onnx``.
    features, axes
        How many it must take and give.
    where
        Name of the file, for messages.

    Raises
    ------
    BundleError
        When the bytes are not an ONNX model, or one that breaks the contract above.
    """

    def __init__(self, model: bytes, *, features: int, axes: int, where: str) -> None:
        self._where = where
        self._features = features
        self._axes = axes
        self._session = _open(model, where)
        self._check_signature()
        self._check_behaviour()

    def _check_signature(self) -> None:
        f, a = self._features, self._axes
        expected_in = dict.fromkeys(INPUTS, (f,))
        expected_out = {"mean": (a,), "variance": (a,), "contributions": (f, a), "information": (f, a)}
        for what, nodes, expected in (
            ("inputs", self._session.get_inputs(), expected_in),
            ("outputs", self._session.get_outputs(), expected_out),
        ):
            found = {node.name: node for node in nodes}
            if set(found) != set(expected):
                raise BundleError(f"{self._where} has {what} {sorted(found)}; a scorer has {sorted(expected)}")
            for name, shape in expected.items():
                node = found[name]
                batch, *rest = node.shape or (None,)
                if node.type != _FLOAT or tuple(rest) != shape or (isinstance(batch, int) and batch != 1):
                    raise BundleError(
                        f"{what[:-1]} {name!r} of {self._where} is {node.type} {node.shape}; this bundle needs {_FLOAT} {[1, *shape]}"
                    )

    def _check_behaviour(self) -> None:
        ones, zeros = np.ones(self._features), np.zeros(self._features)
        mean, variance, contributions, information = self._run(zeros, zeros, zeros, ones, zeros)
        if np.any(mean != 0.0) or np.any(variance != 1.0) or np.any(contributions != 0.0) or np.any(information != 0.0):
            raise BundleError(
                f"{self._where} must answer mean 0 and variance 1 when no feature is known, got mean {mean} and variance {variance}"
            )
        mean, variance, contributions, information = self._run(ones, ones, 10.0 * ones, 10.0 * ones, zeros)
        if (
            not all(np.isfinite(x).all() for x in (mean, variance, contributions, information))
            or np.any(variance <= 0.0)
            or np.any(variance > 1.0)
        ):
            raise BundleError(
                f"{self._where} must answer with finite numbers and variances in (0, 1], got mean {mean} and variance {variance}"
            )
        if not np.allclose(contributions.sum(axis=0), mean, rtol=0.0, atol=_PROBE_TOLERANCE):
            raise BundleError(f"contributions of {self._where} must sum to its mean {mean}, got {contributions.sum(axis=0)}")
        implied = 1.0 / (1.0 + information.sum(axis=0))
        if not np.allclose(implied, variance, rtol=0.0, atol=_PROBE_TOLERANCE):
            raise BundleError(f"information of {self._where} must give its variance {variance} by 1 / (1 + sum), got {implied}")

    def _run(self, *inputs: NDArray[np.float64]) -> list[NDArray[np.float64]]:
        feed = dict(zip(INPUTS, np.array(inputs, np.float32)[:, np.newaxis], strict=True))
        return [np.asarray(out, dtype=np.float64)[0] for out in self._session.run(OUTPUTS, feed)]

    def score(
        self,
        z: NDArray[np.float64],
        known: NDArray[np.float64],
        evidence_s: NDArray[np.float64],
        norm_evidence_s: NDArray[np.float64],
        norm_variance: NDArray[np.float64],
    ) -> Evidence:
        """Weigh the features of one call.

        Parameters
        ----------
        z, known, evidence_s, norm_evidence_s, norm_variance
            All [F]; see the table of inputs above. Where ``known`` is 0 the other values are ignored but must be finite.

        Returns
        -------
        Evidence
        """
        _, variance, contributions, information = self._run(z, known, evidence_s, norm_evidence_s, norm_variance)
        return Evidence(shift=contributions / variance, information=information)


def _open(model: bytes, where: str) -> ort.InferenceSession:
    options = ort.SessionOptions()
    options.intra_op_num_threads = 1
    options.inter_op_num_threads = 1
    options.execution_mode = ort.ExecutionMode.ORT_SEQUENTIAL
    options.enable_cpu_mem_arena = False
    options.log_severity_level = _ERRORS_ONLY
    try:
        return ort.InferenceSession(model, sess_options=options, providers=["CPUExecutionProvider"])
    except Exception as exc:  # onnxruntime's exceptions share no base class but Exception
        raise BundleError(f"{where} is not a model that onnxruntime can read: {exc}") from exc
