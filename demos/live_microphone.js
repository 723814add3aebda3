// The microphone as chunks of int16 samples, mono. It stands before live_voice.js, in the same function.

const RATE = 16_000; // samples/s that are asked for; a browser that cannot gives its own
const CHUNK = 0.05; // seconds
const REFUSED = {
  NotAllowedError: "The microphone is not allowed here: allow it in the browser's settings for this page",
  SecurityError: "The microphone is not allowed here: allow it in the browser's settings for this page",
  NotFoundError: "There is no microphone",
  NotReadableError: "Another program has the microphone",
};
// Runs in the thread of sound: 128 samples come at a time.
const COLLECTOR = `registerProcessor("collector", class extends AudioWorkletProcessor {
  constructor({ processorOptions }) {
    super();
    this.size = processorOptions.size;
    this.chunk = new Int16Array(this.size);
    this.filled = 0;
  }
  process([[samples]]) {
    for (const x of samples ?? []) {
      this.chunk[this.filled++] = Math.max(-32768, Math.min(32767, Math.round(x * 32767)));
      if (this.filled < this.size) continue;
      this.port.postMessage(this.chunk.buffer, [this.chunk.buffer]);
      this.chunk = new Int16Array(this.size);
      this.filled = 0;
    }
    return true;
  }
});`;

// `heard(buffer)` gets each chunk; `lost(line)` is called when the microphone goes away by itself.
function microphone({ heard, lost }) {
  let context = null, stream = null, opening = null;

  async function begin() {
    if (!navigator.mediaDevices?.getUserMedia) {
      throw new Error("This page may not use a microphone: open it as https, or on this computer itself");
    }
    try {
      // The judge hears the voice as it is; what the portrait says is no part of it.
      const audio = { channelCount: 1, echoCancellation: true, noiseSuppression: false, autoGainControl: false };
      stream = await navigator.mediaDevices.getUserMedia({ audio });
    } catch (error) {
      throw new Error(REFUSED[error.name] ?? "The microphone cannot be opened");
    }
    let source;
    try {
      context = new AudioContext({ sampleRate: RATE });
      source = context.createMediaStreamSource(stream);
    } catch { // Firefox records at the rate of the device only
      context?.close();
      context = new AudioContext();
      source = context.createMediaStreamSource(stream);
    }
    await context.resume();
    const size = Math.round(CHUNK * context.sampleRate);
    const address = URL.createObjectURL(new Blob([COLLECTOR], { type: "text/javascript" }));
    await context.audioWorklet.addModule(address);
    URL.revokeObjectURL(address);
    const collector = new AudioWorkletNode(context, "collector", { numberOfOutputs: 0, processorOptions: { size } });
    collector.port.onmessage = ({ data }) => heard(data);
    source.connect(collector);
    stream.getTracks()[0].addEventListener("ended", () => {
      close();
      lost("The microphone is gone");
    });
  }

  function close() {
    for (const track of stream?.getTracks() ?? []) track.stop();
    context?.close();
    context = stream = opening = null;
  }

  return {
    // Promises that it hears; rejects with one line.
    open() {
      opening ??= begin().catch((error) => {
        close();
        throw error;
      });
      return opening;
    },
    close,
    get rate() { return context?.sampleRate ?? 0; },
    get isOpen() { return Boolean(context); },
  };
}
