// Runs beside the sound: hands every block of the first channel to the page, in pieces of about a tenth of a second.
// Must never keep a block, nor play one.
class Recorder extends AudioWorkletProcessor {
  constructor() {
    super();
    this.piece = new Float32Array(Math.ceil(sampleRate / 10));
    this.filled = 0;
    this.running = true;
    this.port.onmessage = () => {
      this.running = false;
      this.hand(this.piece.slice(0, this.filled));
      this.port.postMessage(null);
    };
  }

  hand(samples) {
    this.port.postMessage(samples, [samples.buffer]);
  }

  process(inputs) {
    const channel = inputs[0][0];
    if (!this.running) return false;
    if (channel === undefined) return true;
    let from = 0;
    while (from < channel.length) {
      const take = Math.min(channel.length - from, this.piece.length - this.filled);
      this.piece.set(channel.subarray(from, from + take), this.filled);
      this.filled += take;
      from += take;
      if (this.filled === this.piece.length) {
        this.hand(this.piece.slice());
        this.filled = 0;
      }
    }
    return true;
  }
}

registerProcessor("recorder", Recorder);
