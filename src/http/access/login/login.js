// Logs in with the token of the form, as Ray's dialog does, and leads to the wanted page. The token is not kept.
const form = document.getElementById("login");
const token = document.getElementById("token");
const result = document.getElementById("result");

async function post(path, headers) {
  try {
    const answer = await fetch(path, { method: "POST", headers, body: "{}" });
    // The text of a 401 is for programs.
    if (answer.status === 401) return "This token is not valid, or not any more.";
    return answer.ok ? undefined : (await answer.text()).split("\n")[0];
  } catch {
    return "The history server cannot be reached.";
  }
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  result.textContent = "\u2026";
  const problem = await post("api/authenticate", { Authorization: `Bearer ${token.value.trim()}` });
  token.value = "";
  if (problem) result.textContent = problem;
  else location.replace(form.dataset.next);
});

document.getElementById("logout")?.addEventListener("click", async () => {
  result.textContent = (await post("logout", {})) ?? "You are logged out.";
});
