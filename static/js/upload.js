// Files in segments: progress, cancel, going on after a broken line. Without it the form sends the same files whole.
"use strict";

const AT_ONCE = 2;
const TRIES = 60;

function enhance(box) {
  const form = box.closest("form");
  const input = box.querySelector("input[type=file]");
  const kept = box.querySelector("[data-kept]");
  const sending = document.createElement("ul");
  const note = document.createElement("p");
  const waiting = [];
  let running = 0;
  let held = null;
  sending.className = "files";
  note.setAttribute("role", "status");
  input.closest(".mb-3").after(sending, note);

  function ask(path, job, body, more = {}) {
    return new Promise((resolve, reject) => {
      const request = new XMLHttpRequest();
      request.open("POST", box.dataset.upload.replace("mulai/", path));
      request.setRequestHeader("X-CSRFToken", form.elements.csrfmiddlewaretoken.value);
      for (const [name, value] of Object.entries({ "Upload-Id": job.id || "", ...more })) {
        request.setRequestHeader(name, value);
      }
      request.onload = () => {
        let answer = {};
        try {
          answer = JSON.parse(request.responseText);
        } catch {
          answer = {};
        }
        // 408: the network was too slow for this piece. 429: too many requests of one circuit of Tor. The next try goes
        // on after the last whole piece.
        if (request.status >= 500 || request.status === 408 || request.status === 429) reject(answer);
        else if (request.status >= 400) resolve({ error: box.dataset.lost });
        else resolve(answer);
      };
      request.onerror = request.onabort = request.ontimeout = () => reject({});
      request.upload.onprogress = (event) => {
        if (job.bar && body instanceof Blob) job.bar.value = job.next * job.segment + event.loaded;
      };
      job.request = request;
      request.send(body);
    });
  }

  function step(job) {
    const name = { "Upload-Name": encodeURIComponent(job.file.name).slice(0, 900) };
    if (!job.id) {
      const { size, lastModified } = job.file;
      return ask("mulai/", job, new URLSearchParams({ name: job.file.name, size, mark: lastModified }), name);
    }
    if (job.next < 0) return ask("keadaan/", job, null);
    const start = job.next * job.segment;
    if (start >= job.file.size) return ask("selesai/", job, null, name);
    const piece = job.file.slice(start, start + job.segment, "application/octet-stream");
    return ask("potongan/", job, piece, { ...name, "Upload-Segment": job.next });
  }

  async function send(job) {
    for (let tries = 0; !job.gone; ) {
      let answer;
      try {
        answer = await step(job);
        tries = 0;
      } catch (broken) {
        if (job.gone) return;
        tries += 1;
        if (tries > (broken.error ? 4 : TRIES)) return fail(job, broken.error || box.dataset.lost);
        say(job, box.dataset.broken);
        await pause(Math.min(30, 2 ** (tries - 1)));
        job.next = -1;
        continue;
      }
      if (answer.error) return fail(job, answer.error, answer.id);
      if (answer.list !== undefined) return show(answer.list, job);
      if (!job.id) forget(answer.id);
      Object.assign(job, { id: answer.id, next: answer.next, segment: answer.segment });
      job.bar.value = Math.min(job.file.size, job.next * job.segment);
      say(job, job.bar.value >= job.file.size ? box.dataset.joining : "");
    }
  }

  function pause(seconds) {
    return new Promise((resolve) => {
      setTimeout(resolve, seconds * 1000);
      addEventListener("online", resolve, { once: true });
    });
  }

  // The same file chosen again goes on, so its line in the list of broken ones goes.
  function forget(id) {
    box.querySelector(`button[name=file][value="${id}"]`)?.closest("li").remove();
  }

  function say(job, text) {
    if (job.text.textContent !== text) job.text.textContent = text;
  }

  // ``id`` is that of the row by which the refusal stays listed until it is dismissed.
  function fail(job, error, id) {
    job.failed = true;
    job.id = id || job.id;
    job.stop.textContent = box.dataset.dismiss;
    job.stop.setAttribute("aria-label", `${box.dataset.dismiss} ${job.file.name}`);
    job.bar.remove();
    job.text.className = "invalid-feedback";
    job.text.setAttribute("role", "alert");
    say(job, error);
    held = null;
  }

  function show(list, job) {
    kept.innerHTML = list; // escaped by the server
    job?.line.remove();
  }

  function add(file) {
    const job = { file, next: -1 };
    const name = document.createElement("span");
    const stop = (job.stop = document.createElement("button"));
    job.line = document.createElement("li");
    job.bar = document.createElement("progress");
    job.text = document.createElement("small");
    name.textContent = file.name;
    job.bar.max = Math.max(1, file.size);
    job.bar.value = 0;
    job.bar.setAttribute("aria-label", file.name);
    stop.type = "button";
    stop.className = "link";
    stop.textContent = box.dataset.cancel;
    stop.setAttribute("aria-label", `${box.dataset.cancel} ${file.name}`);
    stop.onclick = () => {
      job.gone = true;
      job.line.remove();
      const known = job.id;
      job.request?.abort();
      if (known) ask("batal/", { id: known }, null).catch(() => {});
      next();
    };
    job.line.append(name, stop, job.bar, job.text);
    sending.append(job.line);
    waiting.push(job);
    next();
  }

  function next() {
    while (running < AT_ONCE && waiting.length) {
      const job = waiting.shift();
      if (job.gone) continue;
      running += 1;
      send(job).finally(() => {
        running -= 1;
        next();
      });
    }
    if (running + waiting.length === 0) {
      note.textContent = "";
      if (held) form.requestSubmit(held.isConnected ? held : undefined);
    }
  }

  input.addEventListener("change", () => {
    for (const file of input.files) add(file);
    input.value = "";
  });
  form.addEventListener("submit", (event) => {
    if (running + waiting.length === 0) return;
    event.preventDefault();
    held = event.submitter;
    note.textContent = box.dataset.busy;
  });
  box.addEventListener("click", (event) => {
    const button = event.target.closest("button[name=file]");
    if (!button) return;
    event.preventDefault();
    ask("batal/", { id: button.value }, null)
      .then((answer) => {
        button.closest("li").remove();
        show(answer.list);
      })
      .catch(() => form.requestSubmit(button));
  });
}

document.querySelectorAll("[data-upload]").forEach(enhance);
