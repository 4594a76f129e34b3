"""The terms of CTCAE as they are printed, typed a second time, and what they make of a value near each edge.

``BANDS`` holds the terms that one value grades: the lower edge of each grade, as printed. ``HAND`` holds edges of the
terms that need more than that (a baseline, a symptom, a second value), each worked out by hand from the printed term.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from fractions import Fraction
from functools import lru_cache

from tests.lib.moment import OPERATORS, Facts, Reading, charted

from cytowatch.knowledge import load

QTC = "electrocardiogram_qt_corrected_interval_prolonged"
# versions | term | concept | where grades 1, 2, 3 and 4 begin. Units printed side by side stand beside each other; what
# is printed for an abnormal baseline stands after ~. Where two units are the same number rounded, one is given.
BANDS = """
5.0 6.0      | acidosis | ph_arterial | < lln | - | < 7.3 | -
5.0 6.0      | alkalosis | ph_arterial | > uln | - | > 7.5 | -
4.03 5.0 6.0 | activated_partial_thromboplastin_time_prolonged | aptt | > uln | > 1.5 uln | > 2.5 uln | -
4.03         | alanine_aminotransferase_increased | alt | > uln | > 3 uln | > 5 uln | > 20 uln
5.0          | alanine_aminotransferase_increased | alt | > uln ~ >= 1.5 base | > 3 uln ~ > 3 base | > 5 uln ~ > 5 base | > 20 uln ~ > 20 base
6.0          | alanine_aminotransferase_increased | alt | > uln ~ >= 1 base | > 3 uln ~ > 1.5 base | > 5 uln ~ > 2 base | > 20 uln ~ > 4 base
4.03         | aspartate_aminotransferase_increased | ast | > uln | > 3 uln | > 5 uln | > 20 uln
5.0          | aspartate_aminotransferase_increased | ast | > uln ~ >= 1.5 base | > 3 uln ~ > 3 base | > 5 uln ~ > 5 base | > 20 uln ~ > 20 base
6.0          | aspartate_aminotransferase_increased | ast | > uln ~ >= 1 base | > 3 uln ~ > 1.5 base | > 5 uln ~ > 2 base | > 20 uln ~ > 4 base
4.03         | alkaline_phosphatase_increased | alkaline_phosphatase | > uln | > 2.5 uln | > 5 uln | > 20 uln
5.0          | alkaline_phosphatase_increased | alkaline_phosphatase | > uln ~ >= 2 base | > 2.5 uln ~ > 2.5 base | > 5 uln ~ > 5 base | > 20 uln ~ > 20 base
4.03         | blood_bilirubin_increased | bilirubin | > uln | > 1.5 uln | > 3 uln | > 10 uln
5.0          | blood_bilirubin_increased | bilirubin | > uln ~ > 1 base | > 1.5 uln ~ > 1.5 base | > 3 uln ~ > 3 base | > 10 uln ~ > 10 base
6.0          | blood_bilirubin_increased | bilirubin | > uln ~ >= 1 base | > 1.5 uln ~ > 1.5 base | > 3 uln ~ > 2.5 base | > 10 uln ~ > 10 base
5.0          | ggt_increased | gamma_glutamyl_transferase | > uln ~ >= 2 base | > 2.5 uln ~ > 2.5 base | > 5 uln ~ > 5 base | > 20 uln ~ > 20 base
6.0          | ggt_increased | gamma_glutamyl_transferase | > uln ~ >= 1 base | > 2.5 uln ~ > 1.5 base | > 5 uln ~ > 3 base | > 20 uln ~ > 10 base
5.0 6.0      | blood_lactate_dehydrogenase_increased | ldh | > uln | - | - | -
5.0 6.0      | haptoglobin_decreased | haptoglobin | < lln | - | - | -
6.0          | hdl_decreased | hdl_cholesterol | < lln | - | - | -
6.0          | ldl_increased | ldl_cholesterol | > uln | - | - | -
5.0          | cpk_increased | creatine_kinase | > uln | > 2.5 uln | > 5 uln | > 10 uln
5.0 6.0      | cholesterol_high | cholesterol | > uln | > 300 mg/dL | > 400 mg/dL | > 500 mg/dL
5.0 6.0      | anemia | hemoglobin | < lln | < 10.0 g/dL < 6.2 mmol/L | < 8.0 g/dL < 4.9 mmol/L | -
5.0 6.0      | hemoglobin_increased | hemoglobin | > uln | > uln + 2 | > uln + 4 | -
5.0 6.0      | leukocytosis | white_cells | - | - | > 100000 /uL | -
5.0 6.0      | white_blood_cell_decreased | white_cells | < lln | < 3000 /uL | < 2000 /uL | < 1000 /uL
5.0          | neutrophil_count_decreased | neutrophils | < lln | < 1500 /uL | < 1000 /uL | < 500 /uL
6.0          | neutrophil_count_decreased | neutrophils | < 1500 /uL | < 1000 /uL | < 500 /uL | < 100 /uL
5.0          | lymphocyte_count_decreased | lymphocytes | < lln | < 800 /uL | < 500 /uL | < 200 /uL
5.0 6.0      | lymphocyte_count_increased | lymphocytes | - | > 4000 /uL | > 20000 /uL | -
5.0 6.0      | cd4_lymphocytes_decreased | cd4_lymphocytes | < lln | < 500 /uL | < 200 /uL | < 50 /uL
5.0          | platelet_count_decreased | platelets | < lln | < 75000 /uL | < 50000 /uL | < 25000 /uL
6.0          | thrombocytopenia | platelets | < lln | < 75000 /uL | < 50000 /uL | < 10000 /uL
5.0 6.0      | hypercalcemia_ionized | ionized_calcium | > uln | > 1.5 mmol/L | > 1.6 mmol/L | > 1.8 mmol/L
5.0 6.0      | hypocalcemia_ionized | ionized_calcium | < lln | < 1.0 mmol/L | < 0.9 mmol/L | < 0.8 mmol/L
5.0 6.0      | hyperkalemia | potassium | > uln | > 5.5 mmol/L | > 6.0 mmol/L | > 7.0 mmol/L
5.0 6.0      | hypernatremia | sodium | > uln | > 150 mmol/L | > 155 mmol/L | > 160 mmol/L
5.0 6.0      | hypermagnesemia | magnesium | > uln | - | > 3.0 mg/dL | > 8.0 mg/dL > 3.30 mmol/L
5.0 6.0      | hypomagnesemia | magnesium | < lln | < 1.2 mg/dL < 0.5 mmol/L | < 0.9 mg/dL < 0.4 mmol/L | < 0.7 mg/dL < 0.3 mmol/L
5.0 6.0      | hypertriglyceridemia | triglycerides | >= 150 mg/dL >= 1.71 mmol/L | > 300 mg/dL > 3.42 mmol/L | > 500 mg/dL > 5.7 mmol/L | > 1000 mg/dL > 11.4 mmol/L
5.0 6.0      | hypoalbuminemia | albumin | < lln | < 3 g/dL | < 2 g/dL | -
5.0 6.0      | hypoglycemia | glucose | < lln | < 55 mg/dL < 3.0 mmol/L | < 40 mg/dL < 2.2 mmol/L | < 30 mg/dL < 1.7 mmol/L
5.0 6.0      | hypoglycemia | fasting_glucose | < lln | < 55 mg/dL < 3.0 mmol/L | < 40 mg/dL < 2.2 mmol/L | < 30 mg/dL < 1.7 mmol/L
6.0          | hyperglycemia | glucose | - | - | > 250 mg/dL > 13.9 mmol/L | > 500 mg/dL > 27.8 mmol/L
6.0          | hyperglycemia | fasting_glucose | - | - | > 250 mg/dL > 13.9 mmol/L | > 500 mg/dL > 27.8 mmol/L
6.0          | hyperglycemia_fasting | fasting_glucose | > uln | > 160 mg/dL > 8.9 mmol/L | > 250 mg/dL > 13.9 mmol/L | > 500 mg/dL > 27.8 mmol/L
"""  # noqa: E501
# versions and term, what is known of one moment, and the grade
_BY_HAND = [
    # platelets 5.0: <LLN - 75, <75 - 50, <50 - 25, <25
    ("5.0.platelet_count_decreased", "platelets=150 lln=150", "0"),
    ("5.0.platelet_count_decreased", "platelets=149.9 lln=150", "1"),
    ("5.0.platelet_count_decreased", "platelets=75 lln=150", "1"),
    ("5.0.platelet_count_decreased", "platelets=74.9", "2"),
    ("5.0.platelet_count_decreased", "platelets=50", "2"),
    ("5.0.platelet_count_decreased", "platelets=25", "3"),
    ("5.0.platelet_count_decreased", "platelets=24.9", "4"),
    ("5.0.platelet_count_decreased", "platelets=100", "0..1"),
    ("5.0.platelet_count_decreased", "", "0..4"),
    ("6.0.thrombocytopenia", "platelets=15", "3"),
    ("6.0.thrombocytopenia", "platelets=10", "3"),
    ("6.0.thrombocytopenia", "platelets=9.9", "4"),
    # neutrophils: 0.3 is grade 4 in 5.0 and grade 3 in 6.0; 1.5 is normal in 6.0 whatever the limit
    ("5.0.neutrophil_count_decreased", "neutrophils=0.3", "4"),
    ("5.0.neutrophil_count_decreased", "neutrophils=1.5 lln=1.8", "1"),
    ("6.0.neutrophil_count_decreased", "neutrophils=0.3", "3"),
    ("6.0.neutrophil_count_decreased", "neutrophils=1.5", "0"),
    ("6.0.neutrophil_count_decreased", "neutrophils=0.1", "3"),
    ("5.0.lymphocyte_count_decreased", "lymphocytes=0.5", "2"),
    ("5.0.lymphocyte_count_increased", "lymphocytes=4", "0"),
    ("5.0.lymphocyte_count_increased", "lymphocytes=20.1", "3"),
    ("5.0.leukocytosis", "white_cells=100", "0"),
    ("5.0.leukocytosis", "white_cells=100.1", "3"),
    ("5.0.white_blood_cell_decreased", "white_cells=1.9", "3"),
    ("6.0.cd4_lymphocytes_decreased", "cd4_lymphocytes=0.049", "4"),
    # 6.2 mmol/L is 9.99 g/dL: printed as grade 1 in mmol/L and as grade 2 in g/dL
    ("5.0.anemia", "hemoglobin=10 lln=12", "1"),
    ("5.0.anemia", "hemoglobin=9.990332 lln=12", "1..2"),
    ("5.0.anemia", "hemoglobin=9.9", "2"),
    ("5.0.anemia", "hemoglobin=7.9", "2..3"),
    ("5.0.anemia", "hemoglobin=7.89", "3"),
    ("6.0.hemoglobin_increased", "hemoglobin=19.5 uln=17.5", "1"),
    ("6.0.hemoglobin_increased", "hemoglobin=21.6 uln=17.5", "3"),
    # alanine aminotransferase, limit 40; an abnormal baseline of 60
    ("5.0.alanine_aminotransferase_increased", "alt=120 uln=40 base=30", "1"),
    ("5.0.alanine_aminotransferase_increased", "alt=120.1 uln=40 base=40", "2"),
    ("5.0.alanine_aminotransferase_increased", "alt=801 uln=40 base=30", "4"),
    ("5.0.alanine_aminotransferase_increased", "alt=89 uln=40 base=60", "0"),
    ("5.0.alanine_aminotransferase_increased", "alt=90 uln=40 base=60", "1"),
    ("5.0.alanine_aminotransferase_increased", "alt=181 uln=40 base=60", "2"),
    ("5.0.alanine_aminotransferase_increased", "alt=39 uln=40", "0"),
    ("5.0.alanine_aminotransferase_increased", "alt=121 uln=40", "0..2"),
    ("6.0.alanine_aminotransferase_increased", "alt=60 uln=40 base=60", "1"),
    ("6.0.alanine_aminotransferase_increased", "alt=121 uln=40 base=60", "3"),
    ("6.0.alanine_aminotransferase_increased", "alt=241 uln=40 base=60", "4"),
    ("6.0.alanine_aminotransferase_increased", "alt=601 uln=40 base=300", "3"),
    ("4.03.aspartate_aminotransferase_increased", "ast=201 uln=40", "3"),
    ("4.03.aspartate_aminotransferase_increased", "ast=800 uln=40", "3"),
    ("5.0.blood_bilirubin_increased", "bilirubin=2.0 uln=1.2 base=2.0", "0"),
    ("5.0.blood_bilirubin_increased", "bilirubin=2.1 uln=1.2 base=2.0", "1"),
    ("6.0.blood_bilirubin_increased", "bilirubin=5.1 uln=1.2 base=2.0", "3"),
    ("6.0.alkaline_phosphatase_increased", "alkaline_phosphatase=130 uln=120 base=140", "0"),
    ("6.0.alkaline_phosphatase_increased", "alkaline_phosphatase=900 uln=120 base=140", "1"),
    ("6.0.ggt_increased", "gamma_glutamyl_transferase=301 uln=60 base=100", "3"),
    # creatinine, limits 0.6 to 1.2
    ("5.0.creatinine_increased", "creatinine=1.0 lln=0.6 uln=1.2 base=0.4", "2"),
    ("5.0.creatinine_increased", "creatinine=1.8 lln=0.6 uln=1.2 base=1.2", "1"),
    ("5.0.creatinine_increased", "creatinine=7.3 uln=1.2", "4"),
    ("5.0.creatinine_increased", "creatinine=1.3 uln=1.2", "1..3"),
    ("6.0.creatinine_increased", "creatinine=1.0 lln=0.6 uln=1.2 base=0.6", "0"),
    ("6.0.creatinine_increased", "creatinine=1.0 lln=0.6 uln=1.2 base=0.5", "2"),
    ("6.0.creatinine_increased", "creatinine=1.6 lln=0.6 uln=1.2 base=0.5", "3"),
    ("4.03.creatinine_increased", "creatinine=1.0 uln=1.2 base=0.9", "1"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=50", "0"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=26", "2"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=10", "3"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=9", "3..4"),
    # fibrinogen, lower limit 2.0 g/L; an abnormal baseline of 1.6
    ("5.0.fibrinogen_decreased", "fibrinogen=1.5 lln=2.0 base=2.4", "1"),
    ("5.0.fibrinogen_decreased", "fibrinogen=1.49 lln=2.0 base=2.4", "2"),
    ("5.0.fibrinogen_decreased", "fibrinogen=1.21 lln=2.0 base=1.6", "1"),
    ("5.0.fibrinogen_decreased", "fibrinogen=1.2 lln=2.0 base=1.6", "2"),
    ("5.0.fibrinogen_decreased", "fibrinogen=0.8 lln=2.0 base=1.6", "3"),
    ("5.0.fibrinogen_decreased", "fibrinogen=0.49", "4"),
    ("5.0.activated_partial_thromboplastin_time_prolonged", "aptt=87.6 uln=35", "3"),
    ("5.0.inr_increased", "inr=1.2, anticoagulation=none", "0"),
    ("5.0.inr_increased", "inr=1.5, anticoagulation=none", "1"),
    ("5.0.inr_increased", "inr=2.6", "3"),
    ("5.0.inr_increased", "inr=1.1 base=0.7, anticoagulation=therapeutic", "2"),
    # the baseline is asked for on anticoagulation only: nobody charted it, and the value is not over 1.2
    ("5.0.inr_increased", "inr=1.1 base=0.7", "0"),
    ("5.0.inr_increased", "inr=1.1", "0"),
    ("5.0.inr_increased", "inr=1.21", "1..3"),
    # symptoms decide, and stay open as long as nobody has charted them
    ("5.0.hypokalemia", "potassium=3.2 lln=3.5", "1..2"),
    ("5.0.hypokalemia", "potassium=3.2 lln=3.5, symptomatic_hypokalemia=none", "1"),
    ("5.0.hypokalemia", "potassium=3.2 lln=3.5, symptomatic_hypokalemia=present", "2"),
    ("5.0.hypokalemia", "potassium=2.5", "3"),
    ("5.0.hyponatremia", "sodium=130 lln=135", "1"),
    ("5.0.hyponatremia", "sodium=129.5, symptomatic_hyponatremia=none", "2"),
    ("5.0.hyponatremia", "sodium=125", "2..3"),
    ("6.0.hyponatremia", "sodium=124.9, symptomatic_hyponatremia=none", "3"),
    ("5.0.hyponatremia", "sodium=119", "4"),
    ("5.0.hyperuricemia", "uric_acid=9 uln=7", "1..3"),
    ("5.0.lipase_increased", "lipase=160 uln=60, pancreatic_symptoms=none", "2"),
    ("5.0.lipase_increased", "lipase=160 uln=60, pancreatic_symptoms=mild", "3"),
    ("6.0.lipase_increased", "lipase=160 uln=60, pancreatic_symptoms=mild", "2"),
    ("6.0.serum_amylase_increased", "amylase=300 uln=100, pancreatic_symptoms=mild", "2"),
    ("6.0.serum_amylase_increased", "amylase=300 uln=100, pancreatic_symptoms=present", "2..3"),
    ("6.0.serum_amylase_increased", "amylase=501 uln=100, pancreatic_symptoms=mild", "4"),
    # electrolytes, glucose, fats
    ("5.0.hyperkalemia", "potassium=5.5 uln=5.1", "1"),
    ("5.0.hyperkalemia", "potassium=7.1", "4"),
    ("5.0.hypermagnesemia", "magnesium=3.1", "3"),
    ("5.0.hypermagnesemia", "magnesium=8.02065", "3..4"),
    ("5.0.hypomagnesemia", "magnesium=1.2 lln=1.7", "1..2"),
    ("5.0.hypomagnesemia", "magnesium=0.98", "2"),
    ("5.0.hypomagnesemia", "magnesium=0.9", "2..3"),
    ("5.0.hypomagnesemia", "magnesium=0.73", "3"),
    ("5.0.hypomagnesemia", "magnesium=0.7", "3..4"),
    ("5.0.hypomagnesemia", "magnesium=0.69", "4"),
    ("5.0.hypoglycemia", "glucose=54", "2"),
    ("5.0.hypoglycemia", "glucose=54.048 lln=70", "1..2"),
    ("5.0.hypoglycemia", "glucose=30", "3..4"),
    ("5.0.hypoglycemia", "glucose=31", "3"),
    ("6.0.hyperglycemia", "glucose=250", "0"),
    ("6.0.hyperglycemia", "glucose=251", "3"),
    ("6.0.hyperglycemia_fasting", "fasting_glucose=160 uln=100", "1"),
    ("6.0.hyperglycemia_fasting", "fasting_glucose=161", "2"),
    ("5.0.hypertriglyceridemia", "triglycerides=1.693576", "0..1"),
    ("5.0.hypertriglyceridemia", "triglycerides=3.387151", "1"),
    ("5.0.hypertriglyceridemia", "triglycerides=3.398442", "1..2"),
    ("5.0.hypertriglyceridemia", "triglycerides=11.41", "4"),
    ("5.0.cholesterol_high", "cholesterol=300 uln=200", "1"),
    ("5.0.cholesterol_high", "cholesterol=499.6164", "3"),
    ("5.0.acidosis", "ph_arterial=7.3 lln=7.35", "1"),
    ("5.0.alkalosis", "ph_arterial=7.51", "3"),
    ("5.0.hypercalcemia", "calcium=10.5 uln=10.3, albumin=4.0", "1"),
    ("5.0.hypercalcemia", "calcium=10.5 uln=10.3, albumin=4.5", "0"),
    ("5.0.hypercalcemia", "calcium=10.5 uln=10.3, albumin=4.4", "0..1"),
    ("5.0.hypercalcemia", "calcium=9.0 uln=10.3, albumin=3.2", "0"),
    ("5.0.hypercalcemia", "calcium=10.8 uln=10.3, albumin=2.5", "2"),
    ("6.0.hypocalcemia", "calcium=8.2 lln=8.5, albumin=3.0", "0"),
    ("6.0.hypocalcemia", "calcium=7.1 lln=8.5, albumin=3.0", "2"),
    ("5.0.hypercalcemia_ionized", "ionized_calcium=1.6", "2"),
    ("5.0.hypocalcemia_ionized", "ionized_calcium=0.79", "4"),
    # heart, temperature, oxygen
    ("5.0.ejection_fraction_decreased", "lvef=50 base=55", "2"),
    ("5.0.ejection_fraction_decreased", "lvef=39.5 base=45", "3"),
    ("5.0.ejection_fraction_decreased", "lvef=51 base=71", "3"),
    ("5.0.ejection_fraction_decreased", "lvef=19", "4"),
    ("4.03.ejection_fraction_decreased", "lvef=51 base=71", "2"),
    ("6.0.left_ventricular_dysfunction", "lvef=45 base=60", "2"),
    ("6.0.left_ventricular_dysfunction", "lvef=45 base=50, subclinical_cardiac_change=none", "0"),
    ("6.0.left_ventricular_dysfunction", "lvef=55 base=60, subclinical_cardiac_change=present", "1"),
    ("6.0.left_ventricular_dysfunction", "lvef=38 base=41, subclinical_cardiac_change=none", "3"),
    (f"5.0.{QTC}", "qtc=450 base=440", "1"),
    (f"5.0.{QTC}", "qtc=480.5 base=440", "2"),
    (f"5.0.{QTC}", "qtc=470 base=409", "3"),
    (f"6.0.{QTC}", "qtc=501", "3"),
    (f"4.03.{QTC}", "qtc=510", "2..3"),
    ("5.0.fever", "body_temperature=37.9", "0"),
    ("5.0.fever", "body_temperature=39.0", "1"),
    ("5.0.fever", "body_temperature=39.1", "2"),
    ("5.0.fever", "body_temperature=40.5", "3..4"),
    ("5.0.hypoxia", "spo2=88, oxygen_device=room_air", "0"),
    ("5.0.hypoxia", "spo2=92, pao2=55, oxygen_device=room_air", "3"),
    # each edge of the terms that need more than one value, and a little beside it
    ("4.03.creatinine_increased", "creatinine=1.2 uln=1.2 base=1.2", "0"),
    ("4.03.creatinine_increased", "creatinine=1.21 uln=1.2 base=1.3", "1"),
    ("4.03.creatinine_increased", "creatinine=1.8 uln=1.2 base=1.8", "1"),
    ("4.03.creatinine_increased", "creatinine=1.81 uln=1.2 base=1.8", "2"),
    ("4.03.creatinine_increased", "creatinine=3.6 uln=1.2 base=3", "2"),
    ("4.03.creatinine_increased", "creatinine=3.61 uln=1.2 base=3", "3"),
    ("4.03.creatinine_increased", "creatinine=7.2 uln=1.2 base=6", "3"),
    ("4.03.creatinine_increased", "creatinine=7.21 uln=1.2 base=6", "4"),
    ("4.03.creatinine_increased", "creatinine=0.9 uln=5 base=0.9", "0"),
    ("4.03.creatinine_increased", "creatinine=0.91 uln=5 base=0.9", "1"),
    ("4.03.creatinine_increased", "creatinine=1.35 uln=5 base=0.9", "1"),
    ("4.03.creatinine_increased", "creatinine=1.36 uln=5 base=0.9", "2"),
    ("4.03.creatinine_increased", "creatinine=2.7 uln=5 base=0.9", "2"),
    ("4.03.creatinine_increased", "creatinine=2.71 uln=5 base=0.9", "3"),
    ("5.0.creatinine_increased", "creatinine=1.2 uln=1.2 base=1.2", "0"),
    ("5.0.creatinine_increased", "creatinine=1.21 uln=1.2 base=1.2", "1"),
    ("5.0.creatinine_increased", "creatinine=1.8 uln=1.2 base=1.8", "1"),
    ("5.0.creatinine_increased", "creatinine=1.81 uln=1.2 base=1.8", "2"),
    ("5.0.creatinine_increased", "creatinine=3.6 uln=1.2 base=3", "2"),
    ("5.0.creatinine_increased", "creatinine=3.61 uln=1.2 base=3", "3"),
    ("5.0.creatinine_increased", "creatinine=7.2 uln=1.2 base=6", "3"),
    ("5.0.creatinine_increased", "creatinine=7.21 uln=1.2 base=6", "4"),
    ("5.0.creatinine_increased", "creatinine=1.35 uln=5 base=0.9", "0"),
    ("5.0.creatinine_increased", "creatinine=1.36 uln=5 base=0.9", "2"),
    ("5.0.creatinine_increased", "creatinine=2.7 uln=5 base=0.9", "2"),
    ("5.0.creatinine_increased", "creatinine=2.71 uln=5 base=0.9", "3"),
    ("6.0.creatinine_increased", "creatinine=1.2 lln=0.6 uln=1.2 base=0.8", "0"),
    ("6.0.creatinine_increased", "creatinine=1.21 lln=0.6 uln=1.2 base=0.8", "1"),
    ("6.0.creatinine_increased", "creatinine=1.8 lln=0.6 uln=1.2 base=0.8", "1"),
    ("6.0.creatinine_increased", "creatinine=1.81 lln=0.6 uln=1.2 base=0.8", "2"),
    ("6.0.creatinine_increased", "creatinine=3.6 lln=0.6 uln=1.2 base=0.8", "2"),
    ("6.0.creatinine_increased", "creatinine=3.61 lln=0.6 uln=1.2 base=0.8", "3"),
    ("6.0.creatinine_increased", "creatinine=7.2 lln=0.6 uln=1.2 base=0.8", "3"),
    ("6.0.creatinine_increased", "creatinine=7.21 lln=0.6 uln=1.2 base=0.8", "4"),
    ("6.0.creatinine_increased", "creatinine=0.75 lln=0.6 uln=1.2 base=0.5", "0"),
    ("6.0.creatinine_increased", "creatinine=0.76 lln=0.6 uln=1.2 base=0.5", "2"),
    ("6.0.creatinine_increased", "creatinine=1.2 lln=0.6 uln=1.3 base=0.4", "2"),
    ("6.0.creatinine_increased", "creatinine=1.21 lln=0.6 uln=1.3 base=0.4", "3"),
    ("6.0.creatinine_increased", "creatinine=0.9 lln=0.6 uln=1.2 base=0.59", "2"),
    ("6.0.creatinine_increased", "creatinine=1.0 lln=0.6 uln=1.2 base=0.65", "0"),
    ("4.03.ejection_fraction_decreased", "lvef=50.1 base=60", "0"),
    ("4.03.ejection_fraction_decreased", "lvef=50 base=55", "2"),
    ("4.03.ejection_fraction_decreased", "lvef=60.1 base=70", "0"),
    ("4.03.ejection_fraction_decreased", "lvef=60 base=70", "2"),
    ("4.03.ejection_fraction_decreased", "lvef=40 base=45", "2"),
    ("4.03.ejection_fraction_decreased", "lvef=39.9 base=45", "3"),
    ("4.03.ejection_fraction_decreased", "lvef=20 base=25", "3"),
    ("4.03.ejection_fraction_decreased", "lvef=19.9 base=25", "4"),
    ("4.03.ejection_fraction_decreased", "lvef=50.9 base=71", "3"),
    ("5.0.ejection_fraction_decreased", "lvef=50.1 base=60", "0"),
    ("5.0.ejection_fraction_decreased", "lvef=50 base=55", "2"),
    ("5.0.ejection_fraction_decreased", "lvef=60.1 base=70", "0"),
    ("5.0.ejection_fraction_decreased", "lvef=60 base=70", "2"),
    ("5.0.ejection_fraction_decreased", "lvef=40 base=45", "2"),
    ("5.0.ejection_fraction_decreased", "lvef=39.9 base=45", "3"),
    ("5.0.ejection_fraction_decreased", "lvef=20 base=25", "3"),
    ("5.0.ejection_fraction_decreased", "lvef=19.9 base=25", "4"),
    ("5.0.ejection_fraction_decreased", "lvef=51.1 base=71", "2"),
    (f"4.03.{QTC}", "qtc=449.9", "0"),
    (f"4.03.{QTC}", "qtc=450", "1"),
    (f"4.03.{QTC}", "qtc=480", "1"),
    (f"4.03.{QTC}", "qtc=480.1", "2"),
    (f"4.03.{QTC}", "qtc=500", "2"),
    (f"4.03.{QTC}", "qtc=500.1", "2..3"),
    (f"5.0+6.0.{QTC}", "qtc=449.9 base=400", "0"),
    (f"5.0+6.0.{QTC}", "qtc=450 base=400", "1"),
    (f"5.0+6.0.{QTC}", "qtc=480 base=440", "1"),
    (f"5.0+6.0.{QTC}", "qtc=480.1 base=440", "2"),
    (f"5.0+6.0.{QTC}", "qtc=500 base=460", "2"),
    (f"5.0+6.0.{QTC}", "qtc=500.1 base=460", "3"),
    (f"5.0+6.0.{QTC}", "qtc=440 base=380", "0"),
    (f"5.0+6.0.{QTC}", "qtc=440.1 base=380", "3"),
    ("4.03.fibrinogen_decreased", "fibrinogen=2.0 lln=2.0 base=1", "0"),
    ("4.03.fibrinogen_decreased", "fibrinogen=1.99 lln=2.0 base=1", "1"),
    ("4.03.fibrinogen_decreased", "fibrinogen=1.5 lln=2.0 base=1", "1"),
    ("4.03.fibrinogen_decreased", "fibrinogen=1.49 lln=2.0 base=1", "2"),
    ("4.03.fibrinogen_decreased", "fibrinogen=1.0 lln=2.0 base=1", "2"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.99 lln=2.0 base=1", "3"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.6 lln=2.4 base=1", "3"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.59 lln=2.4 base=1", "4"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.5 lln=1.6 base=1.2", "3"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.49 lln=1.6 base=1.2", "4"),
    ("4.03.fibrinogen_decreased", "fibrinogen=2.71 lln=3.0 base=3.6", "1"),
    ("4.03.fibrinogen_decreased", "fibrinogen=2.7 lln=3.0 base=3.6", "2"),
    ("4.03.fibrinogen_decreased", "fibrinogen=1.81 lln=3.0 base=3.6", "2"),
    ("4.03.fibrinogen_decreased", "fibrinogen=1.8 lln=3.0 base=3.6", "3"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.91 lln=3.0 base=3.6", "3"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.9 lln=3.0 base=3.6", "4"),
    ("4.03.fibrinogen_decreased", "fibrinogen=3.0 lln=3.0 base=4", "0"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.49", "4"),
    ("4.03.fibrinogen_decreased", "fibrinogen=0.5", "0..4"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=2.0 lln=2.0 base=2.4", "0"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.99 lln=2.0 base=2.4", "1"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.5 lln=2.0 base=2.4", "1"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.49 lln=2.0 base=2.4", "2"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.0 lln=2.0 base=2.4", "2"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.99 lln=2.0 base=2.4", "3"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.6 lln=2.4 base=2.5", "3"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.59 lln=2.4 base=2.5", "4"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.5 lln=1.6 base=2", "3"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.49 lln=1.6 base=2", "4"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.6 lln=2.0 base=1.6", "0"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.59 lln=2.0 base=1.6", "1"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.21 lln=2.0 base=1.6", "1"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=1.2 lln=2.0 base=1.6", "2"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.81 lln=2.0 base=1.6", "2"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.8 lln=2.0 base=1.6", "3"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.61 lln=3.0 base=2.4", "3"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.6 lln=3.0 base=2.4", "4"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.49", "4"),
    ("5.0+6.0.fibrinogen_decreased", "fibrinogen=0.5", "0..4"),
    ("4.03.inr_increased", "inr=1.2 uln=1.2, anticoagulation=none", "0"),
    ("4.03.inr_increased", "inr=1.21 uln=1.2, anticoagulation=none", "1"),
    ("4.03.inr_increased", "inr=1.8 uln=1.2, anticoagulation=none", "1"),
    ("4.03.inr_increased", "inr=1.81 uln=1.2, anticoagulation=none", "2"),
    ("4.03.inr_increased", "inr=3.0 uln=1.2, anticoagulation=none", "2"),
    ("4.03.inr_increased", "inr=3.01 uln=1.2, anticoagulation=none", "3"),
    ("4.03.inr_increased", "inr=0.8 uln=5 base=0.8, anticoagulation=therapeutic", "0"),
    ("4.03.inr_increased", "inr=0.81 uln=5 base=0.8, anticoagulation=therapeutic", "1"),
    ("4.03.inr_increased", "inr=1.2 uln=5 base=0.8, anticoagulation=therapeutic", "1"),
    ("4.03.inr_increased", "inr=1.21 uln=5 base=0.8, anticoagulation=therapeutic", "2"),
    ("4.03.inr_increased", "inr=2.0 uln=5 base=0.8, anticoagulation=therapeutic", "2"),
    ("4.03.inr_increased", "inr=2.01 uln=5 base=0.8, anticoagulation=therapeutic", "3"),
    ("4.03.inr_increased", "inr=1.0 uln=5 base=0.9", "0"),
    ("4.03.inr_increased", "inr=1.1 uln=1.2", "0"),
    ("4.03.inr_increased", "inr=1.2 uln=1.2 base=0.4", "0"),
    ("4.03.inr_increased", "inr=1.21 uln=1.2 base=0.8", "1..2"),
    ("4.03.inr_increased", "inr=1.1 uln=1.2, anticoagulation=therapeutic", "0..3"),
    ("4.03.inr_increased", "inr=1.1 base=1.0", "0..3"),
    ("5.0+6.0.inr_increased", "inr=1.2, anticoagulation=none", "0"),
    ("5.0+6.0.inr_increased", "inr=1.21, anticoagulation=none", "1"),
    ("5.0+6.0.inr_increased", "inr=1.5, anticoagulation=none", "1"),
    ("5.0+6.0.inr_increased", "inr=1.51, anticoagulation=none", "2"),
    ("5.0+6.0.inr_increased", "inr=2.5, anticoagulation=none", "2"),
    ("5.0+6.0.inr_increased", "inr=2.51, anticoagulation=none", "3"),
    ("5.0+6.0.inr_increased", "inr=0.4 base=0.4, anticoagulation=therapeutic", "0"),
    ("5.0+6.0.inr_increased", "inr=0.41 base=0.4, anticoagulation=therapeutic", "1"),
    ("5.0+6.0.inr_increased", "inr=0.6 base=0.4, anticoagulation=therapeutic", "1"),
    ("5.0+6.0.inr_increased", "inr=0.61 base=0.4, anticoagulation=therapeutic", "2"),
    ("5.0+6.0.inr_increased", "inr=1.0 base=0.4, anticoagulation=therapeutic", "2"),
    ("5.0+6.0.inr_increased", "inr=1.01 base=0.4, anticoagulation=therapeutic", "3"),
    ("5.0+6.0.inr_increased", "inr=1.1, anticoagulation=therapeutic", "0..3"),
    ("5.0+6.0.inr_increased", "inr=1.2", "0"),
    ("5.0+6.0.inr_increased", "inr=1.2 base=0.4", "0"),
    ("5.0+6.0.inr_increased", "inr=1.21 base=0.4", "1..3"),
    ("5.0+6.0.inr_increased", "inr=1.21 base=0.8", "1..2"),
    ("5.0+6.0.hyperuricemia", "uric_acid=7 uln=7, symptomatic_hyperuricemia=present", "0"),
    ("5.0+6.0.hyperuricemia", "uric_acid=7.1 uln=7, symptomatic_hyperuricemia=none", "1"),
    ("5.0+6.0.hyperuricemia", "uric_acid=7.1 uln=7, symptomatic_hyperuricemia=present", "3"),
    ("5.0+6.0.hypokalemia", "potassium=3.5 lln=3.5, symptomatic_hypokalemia=present", "0"),
    ("5.0+6.0.hypokalemia", "potassium=3.49 lln=3.5, symptomatic_hypokalemia=none", "1"),
    ("5.0+6.0.hypokalemia", "potassium=3.49 lln=3.5, symptomatic_hypokalemia=present", "2"),
    ("5.0+6.0.hypokalemia", "potassium=3.0 lln=3.5, symptomatic_hypokalemia=none", "1"),
    ("5.0+6.0.hypokalemia", "potassium=2.99 lln=3.5, symptomatic_hypokalemia=none", "3"),
    ("5.0+6.0.hypokalemia", "potassium=2.99", "3"),
    ("5.0+6.0.hypokalemia", "potassium=3.0", "0..2"),
    ("5.0+6.0.hypokalemia", "potassium=2.5", "3"),
    ("5.0+6.0.hypokalemia", "potassium=2.49", "4"),
    ("5.0+6.0.hyponatremia", "sodium=135 lln=135, symptomatic_hyponatremia=present", "0"),
    ("5.0+6.0.hyponatremia", "sodium=134.9 lln=135, symptomatic_hyponatremia=none", "1"),
    ("5.0+6.0.hyponatremia", "sodium=130 lln=135, symptomatic_hyponatremia=present", "1"),
    ("5.0+6.0.hyponatremia", "sodium=129.9 lln=135, symptomatic_hyponatremia=none", "2"),
    ("5.0+6.0.hyponatremia", "sodium=129.9 lln=135, symptomatic_hyponatremia=present", "3"),
    ("5.0+6.0.hyponatremia", "sodium=129.9, symptomatic_hyponatremia=none", "2"),
    ("5.0+6.0.hyponatremia", "sodium=130, symptomatic_hyponatremia=none", "0..1"),
    ("5.0+6.0.hyponatremia", "sodium=125, symptomatic_hyponatremia=none", "2"),
    ("5.0+6.0.hyponatremia", "sodium=124.9, symptomatic_hyponatremia=none", "3"),
    ("5.0+6.0.hyponatremia", "sodium=120", "3"),
    ("5.0+6.0.hyponatremia", "sodium=119.9", "4"),
    ("5.0.lipase_increased", "lipase=60 uln=60, pancreatic_symptoms=none", "0"),
    ("5.0.lipase_increased", "lipase=60.1 uln=60, pancreatic_symptoms=none", "1"),
    ("5.0.lipase_increased", "lipase=90.0 uln=60, pancreatic_symptoms=none", "1"),
    ("5.0.lipase_increased", "lipase=90.1 uln=60, pancreatic_symptoms=none", "2"),
    ("5.0.lipase_increased", "lipase=300 uln=60, pancreatic_symptoms=none", "2"),
    ("5.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=none", "3"),
    ("5.0.lipase_increased", "lipase=120 uln=60, pancreatic_symptoms=severe", "2"),
    ("5.0.lipase_increased", "lipase=120.1 uln=60, pancreatic_symptoms=present", "3"),
    ("5.0.lipase_increased", "lipase=120.1 uln=60, pancreatic_symptoms=mild", "3"),
    ("5.0.lipase_increased", "lipase=120.1 uln=60, pancreatic_symptoms=moderate", "3"),
    ("5.0.lipase_increased", "lipase=120.1 uln=60, pancreatic_symptoms=severe", "3"),
    ("5.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=present", "4"),
    ("5.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=mild", "4"),
    ("5.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=moderate", "4"),
    ("5.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=severe", "4"),
    ("6.0.lipase_increased", "lipase=60 uln=60, pancreatic_symptoms=none", "0"),
    ("6.0.lipase_increased", "lipase=60.1 uln=60, pancreatic_symptoms=none", "1"),
    ("6.0.lipase_increased", "lipase=90.0 uln=60, pancreatic_symptoms=none", "1"),
    ("6.0.lipase_increased", "lipase=90.1 uln=60, pancreatic_symptoms=none", "2"),
    ("6.0.lipase_increased", "lipase=300 uln=60, pancreatic_symptoms=none", "2"),
    ("6.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=none", "3"),
    ("6.0.lipase_increased", "lipase=180 uln=60, pancreatic_symptoms=severe", "2"),
    ("6.0.lipase_increased", "lipase=180.1 uln=60, pancreatic_symptoms=present", "3"),
    ("6.0.lipase_increased", "lipase=180.1 uln=60, pancreatic_symptoms=mild", "3"),
    ("6.0.lipase_increased", "lipase=180.1 uln=60, pancreatic_symptoms=moderate", "3"),
    ("6.0.lipase_increased", "lipase=180.1 uln=60, pancreatic_symptoms=severe", "3"),
    ("6.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=present", "4"),
    ("6.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=mild", "4"),
    ("6.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=moderate", "4"),
    ("6.0.lipase_increased", "lipase=300.1 uln=60, pancreatic_symptoms=severe", "4"),
    ("5.0.serum_amylase_increased", "amylase=100 uln=100, pancreatic_symptoms=none", "0"),
    ("5.0.serum_amylase_increased", "amylase=100.1 uln=100, pancreatic_symptoms=none", "1"),
    ("5.0.serum_amylase_increased", "amylase=150.0 uln=100, pancreatic_symptoms=none", "1"),
    ("5.0.serum_amylase_increased", "amylase=150.1 uln=100, pancreatic_symptoms=none", "2"),
    ("5.0.serum_amylase_increased", "amylase=500 uln=100, pancreatic_symptoms=none", "2"),
    ("5.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=none", "3"),
    ("5.0.serum_amylase_increased", "amylase=200 uln=100, pancreatic_symptoms=severe", "2"),
    ("5.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=present", "3"),
    ("5.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=mild", "3"),
    ("5.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=moderate", "3"),
    ("5.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=severe", "3"),
    ("5.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=present", "4"),
    ("5.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=mild", "4"),
    ("5.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=moderate", "4"),
    ("5.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=severe", "4"),
    ("6.0.serum_amylase_increased", "amylase=100 uln=100, pancreatic_symptoms=none", "0"),
    ("6.0.serum_amylase_increased", "amylase=100.1 uln=100, pancreatic_symptoms=none", "1"),
    ("6.0.serum_amylase_increased", "amylase=150.0 uln=100, pancreatic_symptoms=none", "1"),
    ("6.0.serum_amylase_increased", "amylase=150.1 uln=100, pancreatic_symptoms=none", "2"),
    ("6.0.serum_amylase_increased", "amylase=500 uln=100, pancreatic_symptoms=none", "2"),
    ("6.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=none", "3"),
    ("6.0.serum_amylase_increased", "amylase=200 uln=100, pancreatic_symptoms=severe", "2"),
    ("6.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=moderate", "3"),
    ("6.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=severe", "3"),
    ("6.0.serum_amylase_increased", "amylase=200 uln=100, pancreatic_symptoms=present", "2"),
    ("6.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=present", "2..3"),
    ("6.0.serum_amylase_increased", "amylase=200.1 uln=100, pancreatic_symptoms=mild", "2"),
    ("6.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=present", "4"),
    ("6.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=mild", "4"),
    ("6.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=moderate", "4"),
    ("6.0.serum_amylase_increased", "amylase=500.1 uln=100, pancreatic_symptoms=severe", "4"),
    ("6.0.left_ventricular_dysfunction", "lvef=50 base=60, subclinical_cardiac_change=none", "0"),
    ("6.0.left_ventricular_dysfunction", "lvef=50 base=60, subclinical_cardiac_change=present", "1"),
    ("6.0.left_ventricular_dysfunction", "lvef=49.9 base=59.9, subclinical_cardiac_change=none", "2"),
    ("6.0.left_ventricular_dysfunction", "lvef=49.9 base=59.8, subclinical_cardiac_change=none", "0"),
    ("6.0.left_ventricular_dysfunction", "lvef=49.9 base=55, subclinical_cardiac_change=present", "2"),
    ("6.0.left_ventricular_dysfunction", "lvef=40 base=45, subclinical_cardiac_change=none", "0"),
    ("6.0.left_ventricular_dysfunction", "lvef=39.9 base=45, subclinical_cardiac_change=none", "3"),
    ("6.0.left_ventricular_dysfunction", "lvef=39.9 base=40, subclinical_cardiac_change=none", "3"),
    ("6.0.left_ventricular_dysfunction", "lvef=39.9 base=39.9, subclinical_cardiac_change=none", "0"),
    ("6.0.left_ventricular_dysfunction", "lvef=39 base=35, subclinical_cardiac_change=none", "0"),
    ("6.0.alkaline_phosphatase_increased", "alkaline_phosphatase=130 uln=120 base=130", "0"),
    ("6.0.alkaline_phosphatase_increased", "alkaline_phosphatase=131 uln=120 base=130", "1"),
    ("6.0.alkaline_phosphatase_increased", "alkaline_phosphatase=120 uln=120 base=100", "0"),
    ("6.0.alkaline_phosphatase_increased", "alkaline_phosphatase=121 uln=120 base=100", "1"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=49.9", "2"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=25.9", "3"),
    ("6.0.creatinine_clearance_decreased", "creatinine_clearance=9.9", "3..4"),
    ("5.0.fever", "body_temperature=38.0", "1"),
    ("5.0.fever", "body_temperature=40.0", "2"),
    ("5.0.fever", "body_temperature=40.1", "3..4"),
    ("5.0.hypoxia", "spo2=88, pao2=56, oxygen_device=room_air", "0"),
    ("5.0.hypoxia", "spo2=87.9, oxygen_device=room_air", "3"),
    ("5.0.hypoxia", "spo2=95, pao2=55, oxygen_device=room_air", "3"),
    ("5.0.hypoxia", "pao2=55.1, oxygen_device=room_air", "0"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=nasal_cannula", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=blow_by", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=tracheostomy_collar", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=simple_mask", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=venturi_mask", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=oxygen_mask", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=non_rebreather", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=high_flow_nasal_cannula", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=cpap", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=bipap", "0..2"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=invasive_ventilation", "0..4"),
    ("5.0.hypoxia", "spo2=95, oxygen_device=ecmo", "0..4"),
]  # fmt: skip
HAND = [
    (f"{version}.{name.rpartition('.')[2]}", facts, grade)
    for name, facts, grade in _BY_HAND
    for version in name.rpartition(".")[0].split("+")
]


@dataclass(frozen=True)
class Check:
    """What is known of a patient, the grade, and the criteria that hold for certain where they are said, too."""

    facts: Facts
    grade: str
    criteria: frozenset[str] | None = None


@dataclass(frozen=True)
class Edge:
    """Where a grade begins, in one unit: ``op`` and a number, a multiple of a limit or baseline, or a limit plus it."""

    op: str
    number: Fraction
    reference: str
    plus: bool
    written: bool  # the tables can write the number as it is

    def cut(self, limits: Reading) -> Fraction | None:
        """The number to compare with; None where the limit is not known."""
        if not self.reference:
            return self.number
        known: Fraction | None = getattr(limits, self.reference)
        if known is None:
            return None
        return known + self.number if self.plus else known * self.number


_EDGE = re.compile(r"(?P<op>[<>]=?) *(?:(?P<number>[\d.]+) *)?(?P<what>[^\s<>~]*)(?: \+ (?P<more>\d+))?")


def edges(cell: str, concept: str) -> list[Edge]:
    """The edges of one cell, in the canonical unit of a concept."""
    known = load().concepts[concept]
    factors = {unit.name: unit.factor for unit in known.accepted} | {known.units[0]: Fraction(1), "": Fraction(1)}
    found = []
    for match in _EDGE.finditer(cell):
        number, what = Fraction(match["number"] or 1), match["what"]
        if what in ("uln", "lln", "base"):
            plus = match["more"] is not None
            found.append(Edge(match["op"], Fraction(match["more"]) if plus else number, what, plus, written=True))
        else:
            cut = number * factors[what]
            # in another unit the tables write four decimals
            found.append(Edge(match["op"], cut, "", plus=False, written=(cut * 10_000).denominator == 1))
    return found


def graded(bands: list[list[Edge]], reading: Reading) -> tuple[str, frozenset[str]]:
    """The grade that printed bands make of a reading, and the criteria that hold for certain.

    Where units disagree a grade is certain if all are passed and possible if one is; the one below is certain then.
    """
    sure, may, at_least = set(), set(), 0
    numbers = [number for number, band in enumerate(bands, 1) if band]
    for place, number in enumerate(numbers):
        cuts = [(edge, edge.cut(reading)) for edge in bands[number - 1]]
        passed = [None if cut is None else OPERATORS[edge.op](reading.value or Fraction(0), cut) for edge, cut in cuts]
        if all(passed):
            sure |= set(numbers[: place + 1])
        if any(passed):
            at_least = numbers[place - 1] if place else 0
            sure |= set(numbers[:place])
        if any(one is not False for one in passed):
            may.add(number)
    low, high = max([0, at_least, *sure]), max([0, *may, *sure])
    return str(low) if low == high else f"{low}..{high}", frozenset(f"grade_{number}" for number in sure)


def is_rounded(scale: str, number: float) -> bool:
    """A cut-off of one of the printed bands that the tables write rounded, for it was printed in another unit."""
    head, _, term = scale.removeprefix("organ.ctcae-").rpartition(".")
    found = [
        edge
        for line in BANDS.strip().splitlines()
        for versions, name, concept, *cells in [[cell.strip() for cell in line.split("|")]]
        if name == term and head in versions.split()
        for cell in cells
        for edge in edges(cell, concept)
    ]
    return any(not edge.written and abs(edge.number - Fraction(str(number))) < Fraction(1, 10_000) for edge in found)


@lru_cache(maxsize=1)
def checks() -> dict[str, list[Check]]:
    """Every value near an edge, and every edge by hand, by scale."""
    found: dict[str, list[Check]] = defaultdict(list)
    for scale, facts, grade in HAND:
        found[f"organ.ctcae-{scale}"].append(by_hand(f"organ.ctcae-{scale}", facts, grade))
    for line in BANDS.strip().splitlines():
        versions, term, concept, *cells = (cell.strip() for cell in line.split("|"))
        for version in versions.split():
            found[f"organ.ctcae-{version}.{term}"] += around(concept, cells)
    for version in ("5.0", "6.0"):
        found[f"organ.ctcae-{version}.hypercalcemia"] += corrected_calcium(Fraction("10.3"), (11.5, 12.5, 13.5), ">")
        found[f"organ.ctcae-{version}.hypocalcemia"] += corrected_calcium(Fraction("8.5"), (8, 7, 6), "<")
    return dict(found)


def by_hand(scale: str, facts: str, grade: str) -> Check:
    """An edge by hand; a worse grade contains the milder ones, but in hypoxia, where oxygen only leaves grades open."""
    grades = load().scales[scale].grades
    below = frozenset(f"grade_{number}" for number in grades if number <= int(grade.partition("..")[0]))
    return Check(charted(facts), grade, None if scale.endswith(".hypoxia") else below)


def corrected_calcium(limit: Fraction, cuts: tuple[float, float, float], op: str) -> Iterator[Check]:
    """Calcium near its edges, with albumin from 1 to 5.5 g/dL: calcium + 0.8 x (4 - albumin) is what counts.

    Against the limit of normal the tables know albumin in steps of half a gram: between two steps grade 1 is certain
    where it is so for both, and open where for one. The lower step makes more of a calcium than the upper one. Below
    1.5 and above 5.0 one of the two is missing: what would need it is not certain, and not excluded.
    """
    steps = [Fraction(n, 2) for n in range(3, 11)]
    for albumin in sorted({step + Fraction(n, 10) for step in steps for n in (-1, 0, 1)}):
        correction = Fraction(8, 10) * (4 - albumin)
        passed_at = [Fraction(str(cut)) - correction for cut in cuts]
        limits = {step: limit - Fraction(8, 10) * (4 - step) for step in steps}
        lower, upper = [step for step in steps if step <= albumin], [step for step in steps if step >= albumin]
        nearest = [*lower[-1:], *upper[:1]]
        edges_ = {limits[step] for step in nearest} | (set(passed_at) if albumin.denominator == 1 else set())
        for calcium in sorted({edge + Fraction(n, 100) for edge in edges_ for n in (-1, 0, 1)}):
            beyond = {step: OPERATORS[op](calcium, limits[step]) for step in nearest}
            ends = (beyond[lower[-1]] if lower else None, beyond[upper[0]] if upper else None)
            may, sure = ends if op == ">" else ends[::-1]
            passed = sum(OPERATORS[op](calcium, cut) for cut in passed_at)
            yield calcium_check(calcium, albumin, limit, sure=sure is True, may=may is not False, passed=passed)
            yield calcium_check(calcium, albumin, None, sure=False, may=True, passed=passed)


def calcium_check(
    calcium: Fraction, albumin: Fraction, limit: Fraction | None, *, sure: bool, may: bool, passed: int
) -> Check:
    """``sure``, ``may``: beyond the limit of normal, for certain and possibly; ``passed``: how many of the cut-offs."""
    worst = passed + 1 if passed else 0
    low, high = max(worst, int(sure)), max(worst, int(may))
    facts = {"calcium": Reading(calcium, "", limit, limit), "albumin": Reading(albumin)}
    grade = str(low) if low == high else f"{low}..{high}"
    return Check(facts, grade, frozenset(f"grade_{number}" for number in range(1, low + 1)))


def around(concept: str, cells: list[str]) -> Iterator[Check]:
    """On every edge of a term and a little to both sides: with limits, without any, with an abnormal baseline."""
    normal, abnormal = ([edges(cell.split("~")[side], concept) for cell in cells] for side in (0, -1))
    numbers = [edge.number for band in normal for edge in band if not edge.reference]
    low = any(edge.op.startswith("<") for band in normal for edge in band)
    limit = (
        max(numbers, default=Fraction(40)) * Fraction(11, 10)
        if low
        else min(numbers, default=Fraction(40)) * Fraction(9, 10)
    )
    inside = Reading(None, "", limit, limit * 2, limit) if low else Reading(None, "", limit / 2, limit, limit)
    yield from near(concept, normal, inside, is_relative="~" in cells[0])
    if numbers:
        yield from near(concept, normal, Reading(), is_relative=False)
    if "~" in cells[0]:
        yield from near(concept, abnormal, Reading(None, "", inside.lln, inside.uln, limit * 2), is_relative=True)


def near(concept: str, bands: list[list[Edge]], limits: Reading, *, is_relative: bool) -> Iterator[Check]:
    """The readings near the edges of one set of bands."""
    base = limits.base if is_relative else None
    for edge in (edge for band in bands for edge in band):
        cut = edge.cut(limits)
        for step in (-1, 0, 1) if cut is not None else ():
            if step or edge.written:
                value = cut * (1 + Fraction(step, 10_000))
                reading = Reading(value, "", limits.lln, limits.uln, base)
                yield Check({concept: reading}, *graded(bands, reading))
