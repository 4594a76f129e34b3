"""cytowatch: cytokine release syndrome and its sister toxicities, graded from raw bedside data.

``grade`` is the front door; ``advise`` says what guidelines recommend for what it gave, ``plan`` what is to be
measured and sent; ``steroids`` and ``interactions`` look at the drugs that were given; ``product`` and ``risks`` tell
what is known of a product on a day, and of prevention; ``handout`` makes the sheets for patients; ``load_knowledge``
gives the clinical tables, alone or with a site's own over them; ``probability`` reads what was published for a score.
"""

from cytowatch.advising import advise
from cytowatch.drugs import interactions, steroids
from cytowatch.errors import ArgumentError, CytowatchError, InputError, KnowledgeError
from cytowatch.handout.make import handout
from cytowatch.knowledge import load as load_knowledge
from cytowatch.knowledge.probability import Probability, probability
from cytowatch.pipeline import Result, grade
from cytowatch.planning import plan
from cytowatch.schema import software_version as _software_version
from cytowatch.sheets import product, risks

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
    "handout",
    "interactions",
    "load_knowledge",
    "plan",
    "probability",
    "product",
    "risks",
    "steroids",
]
