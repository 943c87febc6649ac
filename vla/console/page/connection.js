// Two connections to the server: one to talk, one to see, so that what is said never queues behind pictures.

const RETRY = 700;
const POSES = 255;

// Who this tab is: kept over a reload, and told to nobody but the server.
function secret() {
  let own = sessionStorage.getItem("me");
  if (!own) {
    own = [...crypto.getRandomValues(new Uint8Array(16))].map(byte => byte.toString(16).padStart(2, "0")).join("");
    sessionStorage.setItem("me", own);
  }
  return own;
}

const address = path => `${location.protocol === "https:" ? "wss" : "ws"}://${location.host}${path}`;

export class Talk {
  constructor(hear, lost) {
    [this.hear, this.lost] = [hear, lost];
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(address(`/talk?me=${secret()}`));
    this.socket.onmessage = event => { if (event.data) this.hear(JSON.parse(event.data)); };
    this.socket.onclose = () => { this.lost(); setTimeout(() => this.connect(), RETRY); };
  }

  get open() { return this.socket.readyState === WebSocket.OPEN; }

  say(message) {
    if (this.open) this.socket.send(JSON.stringify(message));
    return this.open;
  }

  // Stops the arm; over another connection if this one is down.
  stop() {
    if (!this.say({ do: "stop" })) fetch("/stop", { method: "POST", headers: { "x-vla-console": "stop" } }).catch(() => {});
  }
}

export class View {
  constructor(showFrame, showPoses) {
    [this.showFrame, this.showPoses] = [showFrame, showPoses];
    this.wanted = { cameras: true, scene: false };
    document.addEventListener("visibilitychange", () => this.tell());
    this.connect();
  }

  connect() {
    this.socket = new WebSocket(address("/view"));
    this.socket.binaryType = "arraybuffer";
    this.socket.onopen = () => this.tell();
    this.socket.onmessage = event => this.take(event.data);
    this.socket.onclose = () => setTimeout(() => this.connect(), RETRY);
  }

  want(change) {
    Object.assign(this.wanted, change);
    this.tell();
  }

  tell() {
    if (this.socket.readyState !== WebSocket.OPEN) return;
    const seen = !document.hidden;
    this.socket.send(JSON.stringify({ cameras: seen && this.wanted.cameras, scene: seen && this.wanted.scene }));
  }

  async take(data) {
    const socket = this.socket;
    const kind = new Uint8Array(data, 0, 1)[0];
    try {
      if (kind === POSES) this.showPoses(new Float32Array(data.slice(1)));
      else await this.showFrame(kind, new Uint8Array(data, 1));
    } finally {
      if (socket.readyState === WebSocket.OPEN) socket.send("+");
    }
  }
}
