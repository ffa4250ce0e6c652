// Every visible text whose contrast is below 4.5, as WCAG 2 defines it.
() => {
  const parts = (colour) => colour.match(/[\d.]+/g).map(Number);
  const linear = (value) =>
    value / 255 <= 0.03928 ? value / 255 / 12.92 : ((value / 255 + 0.055) / 1.055) ** 2.4;
  const luminance = ([r, g, b]) => 0.2126 * linear(r) + 0.7152 * linear(g) + 0.0722 * linear(b);
  const opaque = (colour) => colour.length === 3 || colour[3] === 1;
  const ground = (element) => {
    const colour = parts(getComputedStyle(element).backgroundColor);
    return opaque(colour) ? colour : ground(element.parentElement);
  };
  const hasText = (element) =>
    [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
  const counts = (element) =>
    element.checkVisibility() && !element.closest("button:disabled, script, style, option");
  return [...document.body.querySelectorAll("*")]
    .filter((element) => counts(element) && hasText(element))
    .map((element) => {
      const text = luminance(parts(getComputedStyle(element).color));
      const behind = luminance(ground(element));
      const contrast = (Math.max(text, behind) + 0.05) / (Math.min(text, behind) + 0.05);
      return [contrast, element.textContent.trim().slice(0, 40)];
    })
    .filter(([contrast]) => contrast < 4.5);
}
