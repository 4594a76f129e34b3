// Runs crs.cql by the reference engine over bundles: node cql.mjs FOLDER-OF-NODE_MODULES CQL BUNDLES.ndjson
// Prints one line of JSON: seconds to translate, to load, to run, and the grade of each patient.
import { createRequire } from "node:module";
import { readFileSync } from "node:fs";
import { pathToFileURL } from "node:url";

const [folder, cqlFile, bundleFile] = process.argv.slice(2);
const require = createRequire(`${folder}/package.json`);
const translator = await import(pathToFileURL(`${folder}/node_modules/@cqframework/cql/cql-to-elm.mjs`));
const cql = require("cql-execution");
const fhir = require("cql-exec-fhir");
// The types that CQL itself has: the translator takes their description from outside, and no package carries it.
const simple = ["Any", "Boolean", "Integer", "Long", "Decimal", "String", "Date", "DateTime", "Time"];
const classes = {
  Quantity: { value: "Decimal", unit: "String" },
  Ratio: { numerator: "Quantity", denominator: "Quantity" },
  Code: { code: "String", system: "String", version: "String", display: "String" },
  Concept: { codes: "List&lt;System.Code>", display: "String" },
  Vocabulary: { id: "String", version: "String", name: "String" },
  CodeSystem: {},
  ValueSet: {},
};
const named = (type) => (type.startsWith("List") ? type : `System.${type}`);
const base = (name) => (["CodeSystem", "ValueSet"].includes(name) ? "Vocabulary" : "Any");
const system = `<?xml version="1.0" encoding="UTF-8"?>
<modelInfo xmlns="urn:hl7-org:elm-modelinfo:r1" xmlns:xsi="http://www.w3.org/2001/XMLSchema-instance" name="System"
  version="1.0.0" url="urn:hl7-org:elm-types:r1">
${simple.map((name) => `<typeInfo xsi:type="SimpleTypeInfo" name="System.${name}"${name === "Any" ? "" : ' baseType="System.Any"'}/>`).join("\n")}
${Object.entries(classes).map(([name, parts]) => `<typeInfo xsi:type="ClassInfo" name="System.${name}" baseType="System.${base(name)}">${Object.entries(parts).map(([part, type]) => `<element name="${part}" elementType="${named(type)}"/>`).join("")}</typeInfo>`).join("\n")}
</modelInfo>`;
const seconds = (since) => (performance.now() - since) / 1000;

let began = performance.now();
const models = new translator.ModelManager();
const infos = `${folder}/node_modules/cql-exec-fhir/lib/modelInfos/fhir-modelinfo-4.0.1.xml`;
models.modelInfoLoader.registerModelInfoProvider(
  translator.createModelInfoProvider((name) => {
    if (name === "System") return translator.stringAsSource(system);
    return name === "FHIR" ? translator.stringAsSource(readFileSync(infos, "utf8")) : null;
  }),
);
const made = translator.CqlTranslator.fromText(readFileSync(cqlFile, "utf8"), new translator.LibraryManager(models));
const elm = JSON.parse(made.toJson());
const errors = (elm.library.annotation ?? []).filter((note) => note.errorSeverity === "error");
if (errors.length) {
  console.error(JSON.stringify(errors.slice(0, 5)));
  process.exit(1);
}
const library = new cql.Library(elm);
const translating = seconds(began);

began = performance.now();
const bundles = readFileSync(bundleFile, "utf8").trim().split("\n").map((line) => JSON.parse(line));
const patients = fhir.PatientSource.FHIRv401();
patients.loadBundles(bundles);
const loading = seconds(began);

began = performance.now();
const executor = new cql.Executor(library);
const results = await executor.exec(patients);
const running = seconds(began);
const grades = Object.fromEntries(Object.entries(results.patientResults).map(([id, found]) => [id, found.Grade]));
console.log(JSON.stringify({ translating, loading, running, grades, engine: require("cql-execution/package.json").version }));
