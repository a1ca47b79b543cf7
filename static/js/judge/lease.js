// The item is kept for the annotator while the page is in use: a heartbeat every two minutes of activity.

import { notice, words } from "../lib.js";
import { post } from "./server.js";

const EVERY_MILLISECONDS = 120_000;

export class Lease {
  constructor({ heartbeatUrl, lease, isIdle }) {
    Object.assign(this, { url: heartbeatUrl, isIdle });
    this.expires = Date.parse(lease);
    this.beaten = Date.now();
    this.isLost = false;
    this.interval = setInterval(() => this.look(), 5000);
  }

  // Idle for long: say so when the lease ends. Back at work: renew, or learn that the item went to somebody else.
  look() {
    const now = Date.now();
    if (!this.isLost && now > this.expires) {
      this.isLost = true;
      notice(words("lost"), { code: "lease_ended" });
    }
    if (!this.isIdle() && now - this.beaten >= EVERY_MILLISECONDS) this.beat();
  }

  async beat() {
    this.beaten = Date.now();
    const reply = await post(this.url);
    if (reply.status === 200) {
      this.expires = Date.parse(reply.lease_expires);
      if (this.isLost) notice(null);
      this.isLost = false;
    } else if (reply.status === 409) {
      this.isLost = true;
      notice(reply.detail, { code: reply.code });
    }
  }

  stop() {
    clearInterval(this.interval);
  }
}
