"""What must hold of every input: a refusal is one clear line, what is accepted is right."""

from __future__ import annotations

from collections.abc import Callable, Mapping

import documents_judged
import measurements_judged
import results_judged
from common import Made
from making import Box, Maker
from refusal import Broken, check_line

from heterodyne_spec import HeterodyneError

type Judge = Callable[[Made, Box, Maker], None]

JUDGES: Mapping[str, Judge] = {
    "HDF5 measurement": measurements_judged.judge,
    ".npz measurement": measurements_judged.judge,
    "configuration": documents_judged.judge_config,
    "model": documents_judged.judge_model,
    "foreign configuration": documents_judged.judge_foreign,
    "result, summary": results_judged.judge_estimate,
    "result, arrays": results_judged.judge_estimate,
    "posterior": results_judged.judge_posterior,
    "record of a series": results_judged.judge_record,
}


def judge(kind: str, made: Made, box: Box, maker: Maker) -> bool:
    """Tell whether an input was accepted.

    Raises
    ------
    Broken : when it was neither accepted rightly nor refused in one clear line.
    Exception : whatever else came out of the packages, which none should.
    """
    try:
        JUDGES[kind](made, box, maker)
    except HeterodyneError as error:
        if made.same:
            raise Broken(f"refused, though nothing that is read was touched: {str(error)[:200]}") from error
        check_line(str(error), made)
        return False
    return True
