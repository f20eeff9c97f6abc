/* What a page cannot do without a script: copy, jump to the search, search as one types, say that it moved. */
document.documentElement.classList.add("js");
document.addEventListener("click", async (event) => {
  const button = event.target.closest("[data-copy]");
  if (!button) return;
  await navigator.clipboard.writeText(document.getElementById(button.dataset.copy).textContent);
  const before = button.textContent;
  button.textContent = "Copied";
  setTimeout(() => (button.textContent = before), 1500);
});
document.addEventListener("keydown", (event) => {
  if (event.key !== "/" || event.metaKey || event.ctrlKey || event.altKey) return;
  if (event.target.closest("input, textarea, select")) return;
  event.preventDefault();
  document.getElementById("find")?.focus();
});
// Live search: the same page, asked for as one types, and its list put in place. Without it the form does it.
const search = document.querySelector("form[data-live]");
let asked, waiting;
const load = async (address, signal) => {
  const answer = await fetch(address, { signal, headers: { Accept: "text/html" } });
  return new DOMParser().parseFromString(await answer.text(), "text/html");
};
search?.addEventListener("input", () => {
  clearTimeout(waiting);
  waiting = setTimeout(async () => {
    asked?.abort();
    asked = new AbortController();
    const address = `${search.action}?${new URLSearchParams(new FormData(search))}`;
    try {
      const page = await load(address, asked.signal);
      for (const id of ["found", "results"]) document.getElementById(id).replaceChildren(...page.getElementById(id).childNodes);
      history.replaceState(null, "", address);
    } catch (error) {
      if (error.name !== "AbortError") search.submit();
    }
  }, 150);
});
// Live: one tab of the browser reads the stream and passes it on to the others; a hidden one reads none.
const { live, place, watches, lists } = document.body.dataset;
if (live && navigator.locks) {
  const tabs = new BroadcastChannel(live), watched = JSON.parse(watches);
  let seen = Number(place), said = [], from, source, release, wish, renewing;
  const say = (id) => document.getElementById("moved").replaceChildren(document.getElementById(id).content.cloneNode(true));
  const isShown = (moved) => watched.some(([name, version]) =>
    Object.hasOwn(moved, name) && (version === null || moved[name] === null || moved[name].includes(version)));
  const renew = () => (renewing ??= setTimeout(async () => {
    renewing = undefined;
    const page = document.hidden ? null : await load(location.href).catch(() => null);
    for (const part of document.querySelectorAll("[data-renew]")) {
      const now = page?.getElementById(part.id);
      if (now && !part.contains(document.activeElement)) part.replaceChildren(...now.childNodes);
    }
  }, 3000));
  const hear = (news) => {
    if (news.over) return say("says-over");
    if ("moved" in news && news.place > seen) {
      if (news.moved === null && (watched.length || lists !== undefined)) say("says-unsure");
      else if (news.moved && (isShown(news.moved) || (news.lists && lists !== undefined))) say("says-moved");
      if (document.querySelector("[data-renew]")) renew();
    }
    seen = Math.max(seen, news.place);
    const bar = document.getElementById("waiting");
    if (!news.waiting || !bar) return;
    bar.hidden = !news.waiting.shown;
    bar.firstElementChild.textContent = news.waiting.shown;
    bar.lastElementChild.textContent = news.waiting.says;
  };
  const pass = (news) => {
    said.push(news);
    if (said.length > 100) from = said.shift().place;
    tabs.postMessage(news);
    hear(news);
  };
  const open = (after) => {
    source?.close();
    [from, said] = [after, []];
    source = new EventSource(`${live}?after=${after}`);
    source.onmessage = ({ lastEventId, data }) => pass({ place: Number(lastEventId), ...JSON.parse(data) });
    source.addEventListener("over", () => (source.close(), pass({ place: seen, over: true })));
    source.onerror = ({ target }) => target.readyState === EventSource.CLOSED && setTimeout(() => target === source && release && open(seen), 60000);
  };
  const lead = () => new Promise((done) => {
    release = () => (source.close(), (release = undefined), done());
    open(seen);
  });
  tabs.onmessage = ({ data }) => {
    if (!("asks" in data)) return hear(data);
    if (release && data.asks < from) open(data.asks);
    else if (release) said.filter((news) => news.place > data.asks).forEach((news) => tabs.postMessage(news));
  };
  const look = () => {
    wish?.abort();
    release?.();
    if (document.hidden) return;
    wish = new AbortController();
    tabs.postMessage({ asks: seen });
    navigator.locks.request(live, { signal: wish.signal }, lead).catch(() => {});
  };
  document.addEventListener("visibilitychange", look);
  look();
}
