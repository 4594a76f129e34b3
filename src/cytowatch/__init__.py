"""cytowatch: cytokine release syndrome and its sister toxicities, graded from raw bedside data.

``grade`` is the front door; ``advise`` says what guidelines recommend for what it gave, ``plan`` what is to be measured
and sent; ``load_knowledge`` gives the clinical tables, alone or with a site's own over them; ``probability`` reads what
a paper published for a score.
"""

from cytowatch.errors import ArgumentError, CytowatchError, InputError, KnowledgeError
from cytowatch.knowledge import load as load_knowledge
from cytowatch.knowledge.probability import Probability, probability
from cytowatch.pipeline import Result, advise, grade
from cytowatch.pipeline import software_version as _software_version
from cytowatch.planning import plan

__version__ = _software_version()

__all__ = [
    "ArgumentError",
    "CytowatchError",
    "InputError",
    "KnowledgeError",
    "Probability",
    "Result",
    "__version__",
    "advise",
    "grade",
    "load_knowledge",
    "plan",
    "probability",
]
