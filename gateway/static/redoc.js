// ReDoc over the document of this server.

// ReDoc shows its maker's logo, from a server of theirs. Nothing on this page may come from
// elsewhere: the logo gets a URL without an image, upon which ReDoc leaves it out.
const image = HTMLImageElement.prototype;
const { get, set } = Object.getOwnPropertyDescriptor(image, "src");
const setSource = function (url) {
  const foreign = new URL(url, location.href).origin !== location.origin;
  set.call(this, foreign ? "data:," : url);
};
Object.defineProperty(image, "src", { get, set: setSource });
image.setAttribute = function (name, value) {
  if (name === "src") setSource.call(this, value);
  else Element.prototype.setAttribute.call(this, name, value);
};

document.body.style.margin = 0;
const font = { fontFamily: "system-ui, sans-serif" };
Redoc.init(
  "/openapi.json",
  {
    disableSearch: true, // its index runs in a worker made from a blob; browsers can search a page
    nativeScrollbars: true,
    theme: {
      typography: { ...font, headings: font, code: { fontFamily: "ui-monospace, monospace" } },
    },
  },
  document.getElementById("redoc"),
);
