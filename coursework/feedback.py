"""make feedback: one page for each student, with marks, messages and comments.

The page shows the student's work and what each test said. Hidden tests stay hidden: of one that
failed, the message is shown and not the code.
"""

from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from multiprocessing import get_context
from pathlib import Path

from nbformat import NotebookNode

from coursework.course import Course, converter, cores, prepare, said
from coursework.record import NOTHING, Record
from coursework.sources import role
from coursework.terms import Trouble
from rnnlib.files import write_whole


def feedback(course: Course, assignment: str) -> None:
    """Write the pages of everyone whose work was graded."""
    from tqdm import tqdm

    course.must_be_released(assignment)
    students = [
        name
        for name in course.students(assignment)
        if (kept := Record.read(course.graded(name, assignment))) and kept.recorded
    ]
    if not students:
        raise Trouble(NOTHING.format(assignment=assignment, term=course.term))
    shards = [students[start::8] for start in range(8) if students[start::8]]
    failed: dict[str, str] = {}
    with ProcessPoolExecutor(cores(), mp_context=get_context("forkserver")) as pool:
        jobs = [pool.submit(write_pages, course, assignment, shard) for shard in shards]
        bar = tqdm(total=len(students), desc=f"feedback {assignment}", unit="")
        for job, shard in zip(jobs, shards, strict=True):
            try:
                failed |= job.result()
            except BrokenProcessPool:  # the machine killed one; which one, nobody knows
                failed |= dict.fromkeys(shard, "the process died, for want of memory perhaps")
            bar.update(len(shard))
        bar.close()
    print(f"{len(students) - len(failed)} pages: {course.root / 'feedback'}")
    if failed:
        lines = [f"  {student}: {failed[student]}" for student in sorted(failed)]
        raise Trouble("\n".join([f"No page of {assignment} could be written for:", *lines]))


def write_pages(course: Course, assignment: str, students: list[str]) -> dict[str, str]:
    """Let nbgrader write the pages of some students; return for whom it could not, and why."""
    from nbgrader.converters import GenerateFeedback
    from nbgrader.converters.base import NbGraderException

    failed: dict[str, str] = {}

    class Pages(GenerateFeedback):
        """All pages in one go: templates are read once, which takes longer than a page."""

        def init_notebooks(self) -> None:
            folders = [course.graded(student, assignment) for student in students]
            self.assignments = {
                str(folder): [str(folder / f"{assignment}.ipynb")] for folder in folders
            }
            self.notebooks = []

        def init_assignment(self, assignment_id: str, student_id: str) -> None:
            """Copy nothing beside the page: what is noted of a submission is not for students."""

        def convert_single_notebook(self, notebook_filename: str) -> None:
            """Write a page; one that cannot be written costs the others nothing."""
            try:
                super().convert_single_notebook(notebook_filename)
            except Exception as error:
                words = f"{type(error).__name__}: {error}".splitlines()
                failed[Path(notebook_filename).parts[-3]] = words[0]

        def write_single_notebook(self, output: str, resources: dict) -> None:
            page = course.feedback(resources["nbgrader"]["student"], assignment)
            page.parent.mkdir(parents=True, exist_ok=True)
            write_whole(page, lambda file: file.write(output.encode("utf-8", "replace")))

    prepare()
    made = converter(Pages, course, assignment, force=True)
    made.preprocessors = [made.preprocessors[0], hide_hidden_tests, *made.preprocessors[1:]]
    try:
        made.start()
    except (NbGraderException, SystemExit) as error:
        raise Trouble(f"not every page could be written: {said(made)}") from error
    return failed


def hide_hidden_tests(notebook: NotebookNode, resources: dict) -> tuple[NotebookNode, dict]:
    """Leave of each hidden test its title, and of its failure the message."""
    for cell in notebook.cells:
        if role(cell) == "hidden":
            cell.source = cell.source.splitlines()[0]
            cell.outputs = [output for output in cell.outputs if output.output_type == "error"]
            for output in cell.outputs:
                output.traceback = [f"{output.ename}: {output.evalue}"]
    return notebook, resources
