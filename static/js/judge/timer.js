// Active time: seconds in which this page is in front and the person gave a sign within the last moments. What counts
// and for how long is defined in labeling/services/active_time.py.

const SIGNS = ["keydown", "pointerdown", "pointermove", "wheel", "scroll", "touchstart"];

export class ActiveTime {
  constructor({ seconds, idleSeconds, onTick }) {
    this.seconds = seconds;
    this.idleSeconds = idleSeconds;
    this.lastSign = Date.now();
    this.lastTick = Date.now();
    this.stopping = new AbortController();
    const options = { signal: this.stopping.signal, passive: true, capture: true };
    for (const sign of SIGNS) window.addEventListener(sign, () => this.sign(), options);
    this.interval = setInterval(() => {
      this.tick();
      onTick(this.seconds);
    }, 1000);
  }

  get isIdle() {
    return document.hidden || Date.now() - this.lastSign > this.idleSeconds * 1000;
  }

  sign() {
    this.lastSign = Date.now();
  }

  tick() {
    const now = Date.now();
    // A computer that slept wakes up with one long tick: that was no work.
    if (!this.isIdle) this.seconds += Math.min(now - this.lastTick, 5000) / 1000;
    this.lastTick = now;
  }

  stop() {
    this.tick();
    clearInterval(this.interval);
    this.stopping.abort();
  }
}
