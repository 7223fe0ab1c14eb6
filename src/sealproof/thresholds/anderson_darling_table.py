"""p-values of the Anderson-Darling test of a fitted generalised Pareto tail, from a table made by simulation.

Choosing the level of a tail takes such a test at every candidate; a table makes them fast and the same everywhere.
The statistic's distribution depends on the shape and, from 30 excesses on, hardly on their number (Choulakian and
Stephens, Technometrics 43 (2001) 478-484). `critical_values` made the table; a test repeats a part of it.
"""

from __future__ import annotations

import numpy as np

from sealproof.thresholds.generalised_pareto import Tail, anderson_darling, fit, simulate
from sealproof.thresholds.resampling import generator
from sealproof.thresholds.result import Floats

#: Shapes of the tails that were simulated, and p-values whose critical values were taken.
SHAPES = (-0.9, -0.75, -0.5, -0.35, -0.2, -0.1, 0.0, 0.1, 0.2, 0.35, 0.5, 0.75)
P_VALUES = (0.99, 0.95, 0.9, 0.75, 0.5, 0.35, 0.25, 0.2, 0.15, 0.1, 0.075, 0.05, 0.025, 0.01, 0.005, 0.001)
#: A row a shape, a column a p-value: `critical_values` with 40,000 samples of 200 excesses.
# fmt: off
CRITICAL_VALUES = (
    (0.1681, 0.2280, 0.2688, 0.3655, 0.5252, 0.6566, 0.7789, 0.8609,
     0.9720, 1.1331, 1.2456, 1.4273, 1.7287, 2.1427, 2.4645, 3.2811),
    (0.1607, 0.2152, 0.2556, 0.3456, 0.4969, 0.6194, 0.7349, 0.8151,
     0.9211, 1.0660, 1.1688, 1.3130, 1.5894, 1.9602, 2.2266, 2.9325),
    (0.1537, 0.2038, 0.2379, 0.3208, 0.4584, 0.5682, 0.6708, 0.7392,
     0.8274, 0.9563, 1.0544, 1.1921, 1.4264, 1.7691, 2.0361, 2.6507),
    (0.1491, 0.1949, 0.2297, 0.3073, 0.4357, 0.5399, 0.6354, 0.6984,
     0.7809, 0.8985, 0.9827, 1.1096, 1.3404, 1.6404, 1.8753, 2.4493),
    (0.1424, 0.1875, 0.2205, 0.2932, 0.4149, 0.5115, 0.6010, 0.6570,
     0.7314, 0.8425, 0.9201, 1.0309, 1.2380, 1.4982, 1.7200, 2.1536),
    (0.1393, 0.1836, 0.2160, 0.2868, 0.4036, 0.4972, 0.5806, 0.6383,
     0.7115, 0.8168, 0.8970, 1.0063, 1.1994, 1.4509, 1.6577, 2.0599),
    (0.1394, 0.1814, 0.2109, 0.2804, 0.3923, 0.4804, 0.5652, 0.6193,
     0.6911, 0.7945, 0.8659, 0.9688, 1.1527, 1.4117, 1.5943, 2.0875),
    (0.1380, 0.1808, 0.2100, 0.2764, 0.3840, 0.4704, 0.5495, 0.5997,
     0.6698, 0.7655, 0.8343, 0.9325, 1.1082, 1.3525, 1.5284, 1.9353),
    (0.1351, 0.1766, 0.2066, 0.2713, 0.3747, 0.4579, 0.5310, 0.5809,
     0.6475, 0.7349, 0.7977, 0.8932, 1.0686, 1.2980, 1.4826, 1.9141),
    (0.1338, 0.1751, 0.2026, 0.2635, 0.3637, 0.4423, 0.5134, 0.5618,
     0.6220, 0.7121, 0.7725, 0.8631, 1.0104, 1.2243, 1.3911, 1.7523),
    (0.1312, 0.1712, 0.1988, 0.2583, 0.3550, 0.4300, 0.4988, 0.5424,
     0.6015, 0.6831, 0.7421, 0.8265, 0.9706, 1.1830, 1.3386, 1.7079),
    (0.1313, 0.1682, 0.1947, 0.2537, 0.3440, 0.4148, 0.4799, 0.5248,
     0.5790, 0.6575, 0.7155, 0.7954, 0.9348, 1.1356, 1.2710, 1.6459),
)
# fmt: on
_SEED, _SIZE, _BLOCK = 20261121, 200, 1000
#: Beyond the table the last p-value stands.
_LOWEST, _HIGHEST = P_VALUES[-1], 1.0


def critical_values(shape: float, samples: int = 40_000) -> Floats:
    """Critical values of the statistic at `P_VALUES`, simulated: each sample is fitted anew.

    Args:
        shape: of the simulated tail.
        samples: how many, in blocks of 1,000.
    """
    random = generator(_SEED, "anderson_darling_table", f"{shape:g}")
    tail = Tail(np.array(shape), np.array(1.0))
    found = []
    for _ in range(max(1, samples // _BLOCK)):
        drawn = simulate(random, tail, _BLOCK, _SIZE)
        found.append(anderson_darling(drawn, fit(drawn)))
    values: Floats = np.quantile(np.concatenate(found), 1 - np.array(P_VALUES))
    return values


def table_p_value(statistic: float, shape: float) -> float:
    """p-value of an Anderson-Darling statistic of a fitted tail: linear in the shape and, between critical values,
    in the logarithm of the p-value; 0.001 at least.

    Args:
        statistic: A^2, at least 0.
        shape: fitted; outside -0.9 to 0.75 the nearest row is used.

    Example:
        >>> [round(table_p_value(statistic, 0.0), 4) for statistic in (0.9688, 9.0, 0.0)]
        [0.05, 0.001, 1.0]
    """
    critical = np.array([np.interp(shape, SHAPES, column) for column in np.transpose(CRITICAL_VALUES)])
    points = np.concatenate([[0.0], critical])
    logarithms = np.log([_HIGHEST, *P_VALUES])
    return float(max(_LOWEST, np.exp(np.interp(statistic, points, logarithms))))
