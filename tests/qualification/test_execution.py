"""Each case gives one verdict with evidence and time; what raises is a fail, and nothing is dropped."""

import json

import pytest
from pydantic import ValidationError
from tests.qualification.build import record, write

from sealproof.evidence.errors import DataError, EvidenceAlteredError
from sealproof.evidence.hashing import sha256_file
from sealproof.evidence.records import RecordBook
from sealproof.evidence.strict import StrictModel, parse
from sealproof.evidence.workspace import Workspace
from sealproof.qualification.acceptance import Acceptance
from sealproof.qualification.challenge import CRITERION, executed_case, executed_protocol
from sealproof.qualification.context import Context
from sealproof.qualification.definitions import CaseDefinition, Protocol
from sealproof.qualification.execution import EXECUTOR, Runner, execute
from sealproof.qualification.outcome import NOT_RUN, ExecutedProtocol, read_protocol
from sealproof.qualification.registry import CHECKS, Check, Finding, NoParameters, check


class Settings:
    """Only the workspace is needed here."""

    def __init__(self, workspace):
        self.workspace = workspace


class Named(StrictModel):
    criterion: str = ""
    n: int = 0


def passing(context, parameters):
    return Finding(passed=True, actual="7 of 7", values={"n": 7}, files=(context.root / "params.yaml",))


def failing(context, parameters):
    return Finding(passed=False, actual="6 of 7")


def unanswerable(context, parameters):
    return Finding(passed=None, actual="no data")


def raising(context, parameters):
    raise ZeroDivisionError(f"division in {context.root.resolve()}/artifacts/x.json")


def refusing(context, parameters):
    raise DataError("broken", where=str(context.root / "a.png"), why="0 bytes", mend="copy it again")


def vague(context, parameters):
    return Finding(passed=True, actual="As expected")


def silent(context, parameters):
    return Finding(passed=True, actual=" ")


def not_a_number(context, parameters):
    return Finding(passed=True, actual="1", values={"x": float("nan")})


def missing_file(context, parameters):
    return Finding(passed=True, actual="1", files=(context.root / "nothing.json",))


def missing_record(context, parameters):
    return Finding(passed=True, actual="1", records=("evaluate.nothing",))


def citing_record(context, parameters):
    return Finding(passed=True, actual="1", records=("evaluate.x",))


def named(context, parameters):
    return Finding(passed=parameters.criterion == "AC-01", actual=parameters.criterion)


FUNCTIONS = (
    passing, failing, unanswerable, raising, refusing, vague, silent, not_a_number, missing_file,
    missing_record, citing_record,
)  # fmt: skip
REGISTER = {function.__name__: Check(function.__name__, NoParameters, function) for function in FUNCTIONS}
REGISTER["named"] = Check("named", Named, named)


def case(number, function, **changes):
    fields = {
        "id": f"OQ-{number:03}",
        "title": "title",
        "requirements": ("URS-001",),
        "risks": ("RC-01",),
        "clauses": ("art-15",),
        "objective": "objective",
        "procedure": ("step",),
        "expected": "7 of 7",
        "automated": function is not None,
        "check": function,
    }
    return CaseDefinition(**(fields | changes))


def run(root, *cases):
    protocol = Protocol.model_construct(stage="oq", title="OQ", cases=cases)
    write(root / "params.yaml", "seed: 1")
    criteria = [CRITERION, CRITERION | {"id": "AC-02"}]
    acceptance = parse(
        Acceptance, {"demonstration": True, "maximum_systems_judged": 1, "criteria": criteria}, "x"
    )
    context = Context(
        settings=Settings(Workspace(root, "demo")),
        book=RecordBook([record("evaluate.x", 1)]),
        acceptance=acceptance,
        outcomes=(),
        approved={"protocols/oq.yaml": "0" * 64},
    )
    ticks = iter(f"2026-11-21T10:00:{second:02}+00:00" for second in range(60))
    runner = Runner(root / "out", "artifacts/demo/qualify/observations", lambda: next(ticks), REGISTER)
    return execute(protocol, context, runner)


def one(root, function, **changes):
    return run(root, case(1, function, **changes)).cases[0]


def test_a_pass_names_its_evidence_time_and_executor(tmp_path):
    result = one(tmp_path, "passing")
    assert (result.verdict, result.actual, result.deviation) == ("pass", "7 of 7", None)
    assert (result.executed_at, result.executed_by) == ("2026-11-21T10:00:01+00:00", EXECUTOR)
    assert result.seconds >= 0
    observation, params = result.evidence
    assert observation.path == "artifacts/demo/qualify/observations/OQ-001.json"
    assert observation.record == "qualify.oq-001.actual"
    written = tmp_path / "out" / "OQ-001.json"
    assert observation.sha256 == sha256_file(written)
    assert json.loads(written.read_text())["values"] == {"n": 7}
    assert (params.path, params.sha256) == ("params.yaml", sha256_file(tmp_path / "params.yaml"))


def test_a_record_is_cited_as_it_was_recorded(tmp_path):
    cited = one(tmp_path, "citing_record").evidence[1]
    assert (cited.record, cited.path) == ("evaluate.x", "artifacts/demo/evaluate/evaluation.json")


def test_a_fail_opens_a_deviation_with_an_id_from_the_case(tmp_path):
    protocol = run(tmp_path, case(1, "passing"), case(2, "failing"))
    assert [(item.id, item.case, item.actual) for item in protocol.deviations] == [
        ("DEV-OQ-002", "OQ-002", "6 of 7")
    ]
    assert protocol.cases[1].evidence, "a fail has evidence too"


@pytest.mark.parametrize(
    ("function", "words"),
    [
        ("raising", "the check stopped: ZeroDivisionError: division in artifacts/x.json"),
        ("refusing", "the check stopped: broken: a.png: 0 bytes"),
        ("vague", "recorded no observed value"),
        ("silent", "recorded no observed value"),
        ("not_a_number", "ValueError"),
        ("missing_file", "nothing.json"),
        ("missing_record", "no record 'evaluate.nothing'"),
        ("unregistered", "KeyError"),
    ],
)
def test_whatever_goes_wrong_is_a_fail_with_the_reason(tmp_path, function, words):
    result = one(tmp_path, function)
    assert result.verdict == "fail"
    assert words in result.actual
    assert str(tmp_path) not in result.actual


def test_wrong_parameters_are_a_fail(tmp_path):
    assert one(tmp_path, "named", parameters={"n": "many"}).verdict == "fail"


def test_not_evaluable_is_neither_pass_nor_fail(tmp_path):
    protocol = run(tmp_path, case(1, "unanswerable"))
    assert protocol.cases[0].verdict == "not evaluable"
    assert (protocol.counts.passed, protocol.counts.failed, protocol.counts.not_evaluable) == (0, 0, 1)


def test_a_case_for_people_does_not_look_like_a_pass(tmp_path):
    result = one(tmp_path, None)
    assert (result.verdict, result.actual) == ("not run", NOT_RUN)
    assert (result.evidence, result.executed_at, result.executed_by) == ((), None, "")


def test_nothing_is_dropped(tmp_path):
    functions = ["raising", None, "unanswerable", "failing", "passing"]
    protocol = run(tmp_path, *(case(n, function) for n, function in enumerate(functions, start=1)))
    assert [item.verdict for item in protocol.cases] == ["fail", "not run", "not evaluable", "fail", "pass"]
    assert protocol.counts.total == 5
    assert protocol.approved == {"protocols/oq.yaml": "0" * 64}


def test_one_case_a_criterion(tmp_path):
    protocol = run(tmp_path, case(1, "named", for_each="acceptance-criterion", parameters={"n": 3}))
    assert [(item.id, item.verdict, item.parameters) for item in protocol.cases] == [
        ("OQ-001-AC-01", "pass", {"n": 3, "criterion": "AC-01"}),
        ("OQ-001-AC-02", "fail", {"n": 3, "criterion": "AC-02"}),
    ]
    assert protocol.deviations[0].id == "DEV-OQ-001-AC-02"
    first = protocol.cases[0]
    assert first.title == "Share of defective parts that are found (AC-01)"
    assert first.expected == "low confidence bound >= 0.9"
    assert (first.requirements, first.risks) == (("URS-001", "URS-017"), ("RC-01",))


def test_an_executed_protocol_is_read_back(tmp_path):
    protocol = run(tmp_path, case(1, "passing"), case(2, "failing"), case(3, None))
    path = write(tmp_path / "oq.json", protocol.model_dump(mode="json"))
    assert read_protocol(path) == protocol


@pytest.mark.parametrize(
    "changes",
    [
        {"verdict": "pass", "evidence": ()},
        {"verdict": "pass", "executed_at": None},
        {"verdict": "pass", "executed_by": ""},
        {"verdict": "fail", "deviation": None},
        {"verdict": "pass", "deviation": "DEV-1"},
        {"verdict": "passed"},
        {"actual": ""},
    ],
)
def test_a_case_that_contradicts_itself_cannot_be_made(changes):
    with pytest.raises(ValidationError):
        executed_case("OQ-001", **changes)


@pytest.mark.parametrize(
    "change",
    [
        lambda content: content["counts"].update(passed=9),
        lambda content: content["cases"].clear(),
        lambda content: content["deviations"].clear(),
        lambda content: content["cases"][1].update(verdict="pass"),
        lambda content: content.pop("approved"),
        lambda content: content["cases"][0].update(automated=False, check=None),
        lambda content: content["deviations"][0].update(status="accepted"),
        lambda content: content["deviations"][0].update(failure_sha256="0" * 64),
        lambda content: content["deviations"][0].update(actual="another"),
    ],
)
def test_a_protocol_that_contradicts_itself_is_not_read(tmp_path, change):
    content = executed_protocol("oq", {}, ("pass", "fail")).model_dump(mode="json")
    change(content)
    with pytest.raises(EvidenceAlteredError):
        read_protocol(write(tmp_path / "oq.json", content))


def test_a_protocol_without_cases_cannot_be_made():
    with pytest.raises(ValidationError):
        ExecutedProtocol.model_validate(executed_protocol("oq", {}, ("pass",)).model_dump() | {"cases": ()})


def test_two_checks_of_one_name_are_refused():
    check("named twice", NoParameters)(passing)
    try:
        with pytest.raises(ValueError, match="two checks"):
            check("named twice", NoParameters)(passing)
    finally:
        del CHECKS["named twice"]
