"use strict";

// The state of the page: the clip from the server, the frame and the face shown, and the strengths of all faces.
const state = { clip: null, frame: 0, face: 0, strengths: {} };
const $ = (id) => document.getElementById(id);

async function fetched(path, signal) {
  const response = await fetch(path, { signal });
  if (!response.ok) throw new Error(await response.text());
  return response;
}

// Non-zero strengths of all faces: {face: {attribute: strength}}.
function chosen() {
  const faces = {};
  for (const [face, values] of Object.entries(state.strengths)) {
    const used = Object.entries(values).filter(([, value]) => value !== 0);
    if (used.length) faces[face] = Object.fromEntries(used);
  }
  return faces;
}

const signed = (value) => (value > 0 ? "+" : "") + String(value);
const attrs = (values) => Object.entries(values).map(([name, value]) => `${name}=${signed(value)}`);
const quoted = (text) => (/^[\w@%+=:,./-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);

function outputName() {
  const path = state.clip.source.replace(/\/+$/, "");
  const slash = path.lastIndexOf("/") + 1;
  return `${path.slice(0, slash)}edited-${path.slice(slash)}`;
}

function editFile() {
  const entries = Object.entries(chosen()).map(
    ([face, values]) => `[[face]]\nface = ${face}\nattr = [${attrs(values).map((text) => `"${text}"`).join(", ")}]\n`);
  return entries.join("\n");
}

function command() {
  const faces = Object.entries(chosen());
  if (!faces.length) return "";
  const words = ["facevid", "edit", state.clip.source, outputName(), ...state.clip.options];
  if (faces.length === 1) {
    const [face, values] = faces[0];
    for (const text of attrs(values)) words.push("--attr", text);
    if (state.clip.faces.length > 1) words.push("--face", face);
  } else {
    words.push("--edits", "shot.toml");
  }
  return words.map(quoted).join(" ");
}

function showTexts() {
  $("command").textContent = command() || "Move a slider.";
  $("file").textContent = editFile() || "Move a slider.";
  URL.revokeObjectURL($("save").href);
  $("save").href = URL.createObjectURL(new Blob([editFile()], { type: "text/plain" }));
}

function say(text, failed = false) {
  $("state").textContent = text;
  $("state").classList.toggle("failed", failed);
}

// One picture is computed at a time. Changes during that time are shown afterwards, once, in their last state.
let busy = false;
let stale = false;
let shownSource = null;

async function show() {
  if (busy) { stale = true; return; }
  busy = true;
  do {
    stale = false;
    const frame = state.frame;
    say("…");
    try {
      const begun = performance.now();
      if (shownSource !== frame) {
        const [picture, faces] = await Promise.all(
          [fetched(`api/frame/${frame}/source.jpg`), fetched(`api/frame/${frame}/faces`)]);
        await put("source-picture", await picture.blob());
        showBoxes(await faces.json());
        shownSource = frame;
      }
      const query = encodeURIComponent(JSON.stringify(chosen()));
      const response = await fetched(`api/frame/${frame}/edit.jpg?strengths=${query}`);
      await put("edit-picture", await response.blob());
      document.body.dataset.shown = `${frame} ${JSON.stringify(chosen())}`;
      say(`frame ${frame}, ${((performance.now() - begun) / 1000).toFixed(2)} s`);
    } catch (error) {
      say(error.message || "the server does not answer; start facevid preview again", true);
    }
  } while (stale);
  busy = false;
}

async function put(id, blob) {
  const image = $(id);
  const before = image.src;
  image.src = URL.createObjectURL(blob);
  await image.decode();
  if (before) URL.revokeObjectURL(before);
}

function showBoxes(faces) {
  $("boxes").replaceChildren(...faces.map(({ number, box }) => {
    const element = document.createElement("div");
    const [left, top, width, height] = box.map((share) => `${100 * share}%`);
    Object.assign(element.style, { left, top, width, height });
    element.textContent = number;
    element.dataset.face = number;
    element.classList.toggle("chosen", number === state.face);
    return element;
  }));
}

function setFrame(number) {
  const last = state.clip.first + state.clip.frames - 1;
  if (Number.isNaN(number)) return;
  state.frame = Math.min(Math.max(number, state.clip.first), last);
  $("frame").value = $("number").value = state.frame;
  show();
}

function setFace(number) {
  if (!state.clip.faces.some((face) => face.number === number)) return;
  state.face = number;
  for (const input of document.getElementsByName("face")) input.checked = Number(input.value) === number;
  for (const box of $("boxes").children) box.classList.toggle("chosen", Number(box.dataset.face) === number);
  for (const { name } of state.clip.attributes) showStrength(name);
}

function showStrength(name) {
  const value = state.strengths[state.face]?.[name] ?? 0;
  const input = $(`strength-${name}`);
  input.value = value;
  input.nextElementSibling.parentElement.querySelector("output").textContent = signed(value);
}

function setStrength(name, value) {
  (state.strengths[state.face] ??= {})[name] = value;
  showStrength(name);
  showTexts();
  show();
}

function reset() {
  state.strengths[state.face] = {};
  setFace(state.face);
  showTexts();
  show();
}

function setView(view) {
  $("pictures").className = view;
  $("wipe-row").hidden = view !== "wipe";
  for (const input of document.getElementsByName("view")) input.checked = input.value === view;
}

function addFaces() {
  for (const { number, frames } of state.clip.faces) {
    const label = document.createElement("label");
    const input = Object.assign(document.createElement("input"), { type: "radio", name: "face", value: number });
    input.addEventListener("change", () => {
      setFace(number);
      if (!frames.some(([first, last]) => first <= state.frame && state.frame <= last)) setFrame(frames[0][0]);
    });
    label.append(input, ` ${number}`);
    label.title = `frames ${frames.map(([first, last]) => `${first}-${last}`).join(", ")}`;
    $("faces").append(label);
  }
  if (!state.clip.faces.length) $("faces").append("No face in this clip.");
}

function addAttributes() {
  for (const { name, plus, minus } of state.clip.attributes) {
    const row = document.createElement("div");
    row.className = "attribute";
    const label = Object.assign(document.createElement("label"), { htmlFor: `strength-${name}`, textContent: name });
    const output = Object.assign(document.createElement("output"), { htmlFor: `strength-${name}` });
    const input = Object.assign(document.createElement("input"), {
      type: "range", id: `strength-${name}`, min: -2, max: 2, step: 0.05, value: 0,
    });
    input.addEventListener("input", () => setStrength(name, Number(input.value)));
    input.addEventListener("dblclick", () => setStrength(name, 0));
    const [low, high] = [minus, plus].map((text) => Object.assign(document.createElement("small"), { textContent: text }));
    row.append(label, output, input, low, high);
    $("attributes").append(row);
  }
}

function onKey(event) {
  const isTyping = event.target.matches("input[type=number], textarea");
  if (isTyping || event.ctrlKey || event.metaKey || event.altKey) return;
  const views = { w: "wipe", s: "side", e: "edit" };
  if (event.key === ",") setFrame(state.frame - 1);
  else if (event.key === ".") setFrame(state.frame + 1);
  else if (event.key === "r") reset();
  else if (event.key in views) setView(views[event.key]);
  else if (/^\d$/.test(event.key)) setFace(Number(event.key));
  else return;
  event.preventDefault();
}

async function start() {
  state.clip = await (await fetched("api/clip")).json();
  const { source, first, frames, width, height, rate, model, faces } = state.clip;
  $("name").textContent = source;
  document.title = `${source} - facevid preview`;
  $("about").textContent = `${width} x ${height}, ${frames} frame${frames === 1 ? "" : "s"}` +
    `${rate ? `, ${rate.toFixed(3).replace(/\.?0+$/, "")} per second` : ""}; model ${model}`;
  $("pictures").style.setProperty("--aspect", width / height);
  for (const id of ["frame", "number"]) Object.assign($(id), { min: first, max: first + frames - 1 });
  addFaces();
  addAttributes();
  $("frame").addEventListener("input", () => setFrame(Number($("frame").value)));
  $("number").addEventListener("change", () => setFrame(Number($("number").value)));
  $("wipe").addEventListener("input", () => $("pictures").style.setProperty("--wipe", `${$("wipe").value}%`));
  for (const input of document.getElementsByName("view")) input.addEventListener("change", () => setView(input.value));
  $("reset").addEventListener("click", reset);
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      await navigator.clipboard.writeText($(button.dataset.copy).textContent);
      say("copied");
    });
  }
  document.addEventListener("keydown", onKey);
  showTexts();
  if (faces.length) setFace(faces[0].number);
  setFrame(faces.length ? faces[0].frames[0][0] : first);
}

start().catch((error) => say(error.message, true));
