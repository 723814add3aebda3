// The portrait that speaks: frames drawn when they are due, by the clock of the page or by that of the sound. It
// stands before live_voice.js, in the same function.

const CUSHION = 40; // ms that a live frame may come late without being seen late
const HEAD_START = 5; // frames of the answer that are there when its sound begins

function livePortrait(canvas) {
  const context = canvas.getContext("2d", { alpha: false });
  let queue = [], running = false, now = () => 0; // {due, bitmap} in order; `now` in the same seconds
  let drawn = 0, delays = [], began = 0, offset = null, run = 0;
  let sound = null, speaker = null, answer = null;

  function show() {
    let newest = null;
    while (queue.length && queue[0].due <= now()) {
      newest?.bitmap.close();
      newest = queue.shift();
    }
    if (newest) {
      context.drawImage(newest.bitmap, 0, 0, canvas.width, canvas.height);
      newest.bitmap.close();
      drawn += 1;
      if (!answer) delays = [...delays.slice(-60), performance.now() - began - 1000 * newest.due];
    }
    running = queue.length > 0;
    if (running) requestAnimationFrame(show);
  }

  async function put(due, jpeg) {
    const mine = run;
    const bitmap = await createImageBitmap(new Blob([jpeg], { type: "image/jpeg" }));
    if (mine !== run) return bitmap.close();
    queue.push({ due, bitmap });
    queue.sort((a, b) => a.due - b.due);
    if (running) return;
    running = true;
    requestAnimationFrame(show);
  }

  function reset() {
    run += 1;
    for (const { bitmap } of queue) bitmap.close();
    queue = [];
    if (answer) answer.ended = () => {}; // it did not come to its end
    sound?.stop();
    sound = answer = offset = null;
    drawn = 0;
  }

  return {
    // A take begins: its first sample was taken at `time`, ms of performance.now().
    listen(time) {
      reset();
      [began, delays] = [time, []];
      now = () => (performance.now() - offset) / 1000;
    },
    live(seconds, jpeg) {
      const earliest = performance.now() - 1000 * seconds;
      offset = offset === null ? earliest + CUSHION : Math.max(offset, earliest); // later, if frames come late
      return put(seconds, jpeg);
    },
    // The answer's sound, Int16Array, of which `frames` frames will come. Call `unlock` in a click before.
    answer(samples, rate, frames) {
      reset();
      const buffer = speaker.createBuffer(1, samples.length, rate);
      buffer.copyToChannel(Float32Array.from(samples, (x) => x / 32768), 0);
      answer = { buffer, frames, came: 0, since: performance.now(), starts: Infinity, ended: () => {} };
      now = () => speaker.currentTime - answer.starts - (speaker.outputLatency || 0);
      return new Promise((done) => { answer.ended = done; });
    },
    async answered(seconds, jpeg) {
      if (!answer) return;
      const mine = answer;
      mine.came += 1;
      await put(seconds, jpeg);
      if (mine === answer && mine.starts === Infinity) this.speakWhenReady();
    },
    // Begins the sound once the frames, at the pace at which they come, will all be there in time.
    speakWhenReady(all = false) {
      if (!answer || answer.starts !== Infinity) return;
      const { came, frames, since, buffer } = answer;
      const left = ((frames - came) * (performance.now() - since)) / 1000 / Math.max(1, came); // seconds to come
      if (!all && came < frames && (came < HEAD_START || left > buffer.duration)) return;
      const mine = answer;
      sound = new AudioBufferSourceNode(speaker, { buffer });
      sound.connect(speaker.destination);
      sound.addEventListener("ended", () => mine.ended());
      mine.starts = speaker.currentTime + 0.05;
      sound.start(mine.starts);
      running = true;
      requestAnimationFrame(show);
    },
    unlock() {
      speaker ??= new AudioContext();
      return speaker.resume();
    },
    still(image) {
      if (!drawn && !queue.length) context.drawImage(image, 0, 0, canvas.width, canvas.height);
    },
    stop: reset,
    get drawn() { return drawn; },
    get delay() { return delays.length ? [...delays].sort((a, b) => a - b)[Math.floor(delays.length / 2)] : 0; },
    get clock() { return answer && answer.starts !== Infinity ? now() : null; },
  };
}
