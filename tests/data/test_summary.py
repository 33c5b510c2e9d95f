"""The summary says what was seen."""

import io

import bayes_nlmem as bn

TEXT = (
    "ID,TIME,EVID,AMT,RATE,ADDL,II,SS,CMT,DV,DVID,CENS,OCC,WT,X\n"
    "1,0,1,100,0,2,12,0,1,.,.,0,1,70,0\n1,1,0,0,0,0,0,0,2,5.25,1,0,1,70,0\n1,2,0,0,0,0,0,0,3,50,2,0,1,70,0\n"
    "2,0,1,50,25,0,0,0,2,.,.,0,1,80,0\n2,1,0,0,0,0,0,0,2,.5,1,1,1,80,0\n2,2,2,0,0,0,0,0,2,.,.,0,2,80,0\n"
    "2,3,1,80,0,0,12,1,1,.,.,0,2,80,0\n2,4,0,0,0,0,0,0,3,70,2,0,2,80,0\n"
)


def read():
    units = {"TIME": "h", "AMT": "mg", "WT": "kg"}
    return bn.read(io.StringIO(TEXT), covariates=["WT"], units=units)


def test_the_terminal_summary():
    assert repr(read()).splitlines() == [
        "Dataset the buffer: 2 subjects, 8 records",
        "  observations  DVID 1: 2, 1 per subject, DV 0.5 to 5.25; 1 BLQ (50%)",
        "                DVID 2: 2, 1 per subject, DV 50 to 70",
        "  doses         1 bolus dose of 100 mg into CMT 1, with 2 additional doses (ADDL)",
        "                1 infusion of 50 mg into CMT 2",
        "                1 steady-state bolus dose of 80 mg into CMT 1",
        "  other events  1 other (EVID 2)",
        "  TIME          0 to 4 h",
        "  occasions     1 to 2 per subject, OCC 1 to 2",
        "  covariates    WT 70 to 80 kg, median 75, constant",
        "  not used      X",
    ]


def test_the_notebook_summary_is_small_and_safe():
    data = bn.read(io.StringIO("ID,TIME,DV,G\n1,0,5,<b>\n1,1,4,<b>\n2,0,5,c\n2,1,4,c\n"), covariates=["G"])
    page = data._repr_html_()
    assert "&lt;b&gt;" in page and "<b>" not in page
    assert "<script" not in page and "http" not in page and "color:inherit" in page and len(page) < 5000
