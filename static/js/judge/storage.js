// What the browser keeps: drafts per assignment, and judgements that could not be sent yet. Keys carry the person's id,
// so that two people at one computer don't mix.

const DRAFT_DAYS = 14;

function read(key) {
  try {
    return JSON.parse(localStorage.getItem(key));
  } catch {
    return null;
  }
}

// False when the browser refuses (private mode, full): the server's copy is then the only one.
function write(key, value) {
  try {
    localStorage.setItem(key, JSON.stringify(value));
    return true;
  } catch {
    return false;
  }
}

export class Drafts {
  constructor(person) {
    this.prefix = `prefloop:${person}:draft:`;
  }

  load(assignment) {
    return read(this.prefix + assignment);
  }

  save(assignment, work) {
    return write(this.prefix + assignment, work);
  }

  remove(assignment) {
    try {
      localStorage.removeItem(this.prefix + assignment);
    } catch {
      // Nothing was stored then.
    }
  }

  prune() {
    const oldest = Date.now() - DRAFT_DAYS * 24 * 3600 * 1000;
    try {
      for (const key of Object.keys(localStorage)) {
        if (key.startsWith(this.prefix) && !(read(key)?.saved_at > oldest)) localStorage.removeItem(key);
      }
    } catch {
      // Storage is forbidden.
    }
  }
}

// Judgements submitted without a connection: sent in order, each with the client id it was made with.
export class Outbox {
  constructor(person) {
    this.key = `prefloop:${person}:outbox`;
  }

  all() {
    return read(this.key) ?? [];
  }

  holds(assignment) {
    return this.all().some((entry) => entry.assignment === assignment);
  }

  add(entry) {
    return write(this.key, [...this.all().filter((other) => other.assignment !== entry.assignment), entry]);
  }

  remove(clientId) {
    write(this.key, this.all().filter((entry) => entry.client_id !== clientId));
  }
}
