// What the person sees and does, over the simulator's /people/ side.

export class Refused extends Error {
  constructor(code, details) {
    super(code);
    this.code = code;
    this.details = details;
  }
}

export class Person {
  constructor(user) {
    this.base = `/people/${encodeURIComponent(user)}`;
  }

  me() {
    return this.#call("GET", "/me");
  }

  screen(channel) {
    return this.#call("GET", `/screen${channel ? `?channel=${encodeURIComponent(channel)}` : ""}`);
  }

  say(channel, text, thread) {
    return this.#call("POST", `${at(channel)}/messages`, { text, thread_ts: thread });
  }

  command(channel, command) {
    return this.#call("POST", `${at(channel)}/command`, { command });
  }

  shortcut(callback, channel, ts) {
    return this.#call("POST", `${ts ? at(channel, ts) : ""}/shortcut`, { callback_id: callback });
  }

  click(channel, ts, act) {
    return this.#call("POST", `${at(channel, ts)}/click`, act);
  }

  openHome() {
    return this.#call("GET", "/home");
  }

  // `where` is "modal" or "home"; `act` says what was pressed, `values` what stands in the form.
  clickView(where, act, values) {
    return this.#call("POST", `/${where}/click`, { ...act, values });
  }

  submit(values) {
    return this.#call("POST", "/modal/submit", { values });
  }

  close() {
    return this.#call("POST", "/modal/close", {});
  }

  async #call(method, path, body) {
    let reply;
    try {
      reply = await fetch(this.base + path, { method, body: body && JSON.stringify(body), headers: body && { "Content-Type": "application/json" } });
    } catch {
      throw new Refused("unreachable", {});
    }
    const found = await reply.json().catch(() => ({}));
    if (!reply.ok || found.ok !== true) throw new Refused(found.error || `http_${reply.status}`, found);
    return found;
  }
}

function at(channel, ts) {
  const place = `/channels/${encodeURIComponent(channel)}`;
  return ts ? `${place}/messages/${encodeURIComponent(ts)}` : place;
}

const WORDS = {
  unreachable: "This Slack does not answer any more.",
  dispatch_failed: "The app is not connected: this reached nobody.",
  operation_timeout: "The app did not answer within three seconds. It may have heard it all the same.",
  invalid_response_action: "The app answered with something that Slack cannot show.",
  required_field_empty: "Something that is needed is not filled in.",
  unknown_command: "There is no such command here.",
  not_in_channel: "You are not in this channel.",
  is_archived: "This channel is archived.",
  no_text: "There is nothing to send.",
  no_such_element: "What you pressed is not there any more: it changed just before.",
  no_such_field: "The form changed just before. Look at it again.",
  message_not_found: "That message is not there any more.",
  no_view: "That form is not open any more.",
  not_this_apps_element: "That button belongs to another app, which does not take part here.",
  too_short: "What you wrote is too short.",
  too_long: "What you wrote is too long.",
};

// For a person: what Slack said no with, what it shows where the app failed (both are codes), or a fault of this page.
export function inWords(trouble) {
  const code = trouble instanceof Refused ? trouble.code : trouble;
  return typeof code === "string" ? (WORDS[code] ?? `That did not work (${code}).`) : `This page has a fault (${trouble.message}).`;
}
