// The capture page: opens its ticket, records one clip, lets it be heard, sends it.
// Must never record before the button is pressed, send before the other one is, nor write HTML from a text.
import { HEADER_BYTES, wav } from "/wav.js";

const $ = (id) => document.getElementById(id);
const QUIET_DB = -45;
const LOUD_DB = -1;
const FLOOR_DB = -60;
const base = location.pathname;

let ticket = null;
let recording = null;
let clip = null;

function say(words, bad = false) {
  $("status").textContent = words;
  $("status").className = bad ? "bad" : "";
}

function show(...ids) {
  for (const id of ["record", "stop", "again", "send", "playback"]) $(id).hidden = !ids.includes(id);
  const first = ids.find((id) => id !== "playback");
  if (first) $(first).focus();
}

/** What a refusal says, in its own words where it has some. */
async function refusal(answer) {
  try {
    const problem = await answer.json();
    return problem.hint ? `${problem.detail}. Next: ${problem.hint}.` : `${problem.detail}.`;
  } catch {
    return `govd answered ${answer.status}.`;
  }
}

async function open() {
  const token = location.hash.slice(1);
  // The token is spent now: it does not stay in the address, nor in the history.
  history.replaceState(null, "", base);
  let answer;
  try {
    answer = await fetch(`${base}/open`, { method: "POST", body: JSON.stringify({ token }), headers: { "Content-Type": "application/json" } });
  } catch {
    say("govd does not answer. Is it running, and the forwarded port still open? Ask the console for a new address.", true);
    return;
  }
  if (!answer.ok) {
    say(await refusal(answer), true);
    return;
  }
  ticket = await answer.json();
  $("prompt").textContent = ticket.prompt;
  $("reading").hidden = ticket.prompt === "";
  $("recorder").hidden = false;
  show("record");
  say("Press Record, speak as you always do, and press Stop.");
}

function denied(error) {
  const words = {
    NotAllowedError: "The microphone was denied to this page. Allow it beside the address of the page, or in the settings of the system, then press Record again.",
    SecurityError: "The microphone was denied to this page by a rule of this browser. Try another browser, or record a file.",
    NotFoundError: "There is no microphone on this machine. Plug one in, or record a file elsewhere.",
    NotReadableError: "Another program holds the microphone. Close it, then press Record again.",
  };
  say(words[error.name] ?? `The microphone cannot be used (${error.name}). Press Record to try again.`, true);
  show("record");
}

function decibels(value) {
  return value > 0 ? Math.max(FLOOR_DB, 20 * Math.log10(value)) : FLOOR_DB;
}

function meter(piece) {
  let sum = 0;
  let peak = 0;
  for (const sample of piece) {
    sum += sample * sample;
    peak = Math.max(peak, Math.abs(sample));
  }
  const level = decibels(piece.length ? Math.sqrt(sum / piece.length) : 0);
  $("level").value = level;
  const loud = decibels(peak) > LOUD_DB;
  $("decibels").textContent = loud ? `${level.toFixed(0)} dB, too loud` : level < QUIET_DB ? `${level.toFixed(0)} dB, quiet` : `${level.toFixed(0)} dB`;
}

function take(now, piece) {
  const room = now.most - now.count;
  const kept = piece.length > room ? piece.slice(0, room) : piece;
  now.pieces.push(kept);
  now.count += kept.length;
  meter(kept);
  $("elapsed").textContent = `${(now.count / now.rate).toFixed(1)} s`;
  if (now.count >= now.most && !now.stopping) stop();
}

async function record() {
  clip = null;
  forgetPlayback();
  if (!navigator.mediaDevices?.getUserMedia) {
    say("Browsers give the microphone to pages of this machine alone: open the address as it was given, with 127.0.0.1, through a forwarded port if govd is elsewhere.", true);
    return;
  }
  show();
  say("Waiting for the microphone: the browser may ask you.");
  let stream;
  try {
    // As it is: what makes a voice pleasant on the telephone also makes it less this person's.
    stream = await navigator.mediaDevices.getUserMedia({ audio: { channelCount: 1, echoCancellation: false, noiseSuppression: false, autoGainControl: false } });
  } catch (error) {
    denied(error);
    return;
  }
  try {
    await listen(stream);
  } catch (error) {
    for (const track of stream.getTracks()) track.stop();
    denied(error);
    return;
  }
  say("Recording. Press Stop when you are done.");
  show("stop");
}

async function listen(stream) {
  const context = new AudioContext();
  await context.audioWorklet.addModule("/recorder.js");
  const source = context.createMediaStreamSource(stream);
  const node = new AudioWorkletNode(context, "recorder", { numberOfInputs: 1, numberOfOutputs: 1, channelCount: 1, channelCountMode: "explicit" });
  const most = Math.min(Math.floor(ticket.most_seconds * context.sampleRate), Math.floor((ticket.most_bytes - HEADER_BYTES) / 2));
  recording = { stream, context, node, pieces: [], count: 0, most, rate: context.sampleRate, stopping: false };
  const now = recording;
  node.port.onmessage = ({ data }) => (data === null ? finish(now) : take(now, data));
  for (const track of stream.getTracks()) track.onended = () => stop();
  source.connect(node);
  // Its output is silence; what leads nowhere is not asked for sound by every browser.
  node.connect(context.destination);
  await context.resume();
}

/** Ends the recording; what is on its way from the worklet still comes. */
function stop() {
  if (recording === null || recording.stopping) return;
  recording.stopping = true;
  recording.node.port.postMessage("stop");
}

async function finish(now) {
  recording = null;
  for (const track of now.stream.getTracks()) {
    track.onended = null;
    track.stop();
  }
  await now.context.close();
  $("level").value = FLOOR_DB;
  $("decibels").textContent = "silent";
  if (now.count === 0) {
    say("Nothing came from the microphone. Press Record to try again.", true);
    show("record");
    return;
  }
  clip = wav(now.pieces, now.rate);
  $("playback").src = URL.createObjectURL(clip);
  say(`Recorded ${(now.count / now.rate).toFixed(1)} s. Listen to it, then send it, or record again.`);
  show("send", "again", "playback");
}

function forgetPlayback() {
  const playback = $("playback");
  if (playback.src) {
    URL.revokeObjectURL(playback.src);
    playback.removeAttribute("src");
    playback.load();
  }
}

async function send() {
  const sent = clip;
  if (sent === null) return;
  show("playback");
  say("Sending…");
  let answer;
  try {
    answer = await fetch(`${base}/clip`, { method: "POST", body: sent, headers: { "Content-Type": "audio/wav" } });
  } catch {
    say("govd did not answer. The clip is still here: press Send to try again.", true);
    show("send", "again", "playback");
    return;
  }
  if (!answer.ok) {
    say(await refusal(answer), true);
    show("send", "again", "playback");
    return;
  }
  const { seconds } = await answer.json();
  clip = null;
  forgetPlayback();
  show();
  $("recorder").hidden = true;
  say(`Sent: ${seconds.toFixed(1)} s. Close this page and go back to the console.`);
}

$("record").addEventListener("click", record);
$("again").addEventListener("click", record);
$("stop").addEventListener("click", stop);
$("send").addEventListener("click", send);
open();
