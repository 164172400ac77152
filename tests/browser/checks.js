// What is wrong with the page that is shown: a list of sentences, each with the name of its check first.
(() => {
  const wrong = [];
  const say = (check, element, text) => {
    const name = element.id ? '#' + element.id : element.tagName.toLowerCase() + '.' + (element.getAttribute('class') || '');
    wrong.push(`${check}: ${name}: ${text}`);
  };
  const shown = element => element.checkVisibility({ visibilityProperty: true, contentVisibilityAuto: false });
  const all = Array.from(document.body.querySelectorAll('*')).filter(shown);
  const scrolls = element => {
    for (let box = element; box; box = box.parentElement) {
      if (/auto|scroll/.test(getComputedStyle(box).overflowX) && box.clientWidth <= innerWidth) { return true; }
    }
    return false;
  };
  const texts = all.flatMap(element => Array.from(element.childNodes)
    .filter(node => node.nodeType === 3 && node.data.trim() && !/^(SCRIPT|STYLE|TITLE)$/i.test(element.tagName))
    .map(node => [element, node.data.trim()]));

  // Wider than the window or than its own box, without a scroll of its own.
  for (const element of all) {
    const box = element.getBoundingClientRect();
    const inSvg = element.ownerSVGElement;
    if (box.width && box.right > innerWidth + 1 && !scrolls(element)) { say('width', element, `ends at ${box.right.toFixed(0)} px`); }
    if (!inSvg && element.scrollWidth > element.clientWidth + 2 && element.clientWidth && !scrolls(element)
        && getComputedStyle(element).display !== 'inline') {
      say('width', element, `holds ${element.scrollWidth} px in ${element.clientWidth}`);
    }
  }

  // Letters, as large as they are on the screen.
  const scale = element => {
    const matrix = element.ownerSVGElement && element.getScreenCTM ? element.getScreenCTM() : null;
    return matrix ? Math.abs(matrix.a) : 1;
  };
  for (const [element, text] of texts) {
    const size = parseFloat(getComputedStyle(element).fontSize) * scale(element);
    if (size < 10.99) { say('size', element, `${size.toFixed(1)} px: ${text.slice(0, 40)}`); }
  }

  // Contrast with what lies behind (WCAG 2.1, 1.4.3).
  const rgba = colour => {
    const parts = (colour.match(/[\d.]+/g) || []).map(Number);
    return /^rgb/.test(colour) ? [...parts.slice(0, 3), parts.length > 3 ? parts[3] : 1] : [0, 0, 0, 0];
  };
  const luminance = ([r, g, b]) => [r, g, b]
    .map(part => part / 255).map(part => part <= 0.03928 ? part / 12.92 : ((part + 0.055) / 1.055) ** 2.4)
    .reduce((sum, part, place) => sum + part * [0.2126, 0.7152, 0.0722][place], 0);
  const paper = element => {
    for (let box = element; box; box = box.parentElement) {
      const colour = rgba(getComputedStyle(box).backgroundColor);
      if (colour[3] > 0.99) { return colour; }
    }
    return [255, 255, 255, 1];
  };
  const behind = element => {
    const svg = element.ownerSVGElement;
    if (!svg) { return paper(element); }
    const box = element.getBoundingClientRect();
    const [x, y] = [box.left + box.width / 2, box.top + box.height / 2];
    const under = Array.from(svg.querySelectorAll('rect, polygon')).filter(shape => {
      const area = shape.getBoundingClientRect();
      const before = shape.compareDocumentPosition(element) & Node.DOCUMENT_POSITION_FOLLOWING;
      const style = getComputedStyle(shape);
      return before && area.left <= x && x <= area.right && area.top <= y && y <= area.bottom
        && style.fill !== 'none' && Number(style.opacity) > 0.5 && Number(shape.getAttribute('opacity') || 1) > 0.5;
    }).pop();
    return under ? rgba(getComputedStyle(under).fill) : paper(svg.parentElement);
  };
  for (const [element, text] of texts) {
    const style = getComputedStyle(element);
    const [own, back] = [rgba(element.ownerSVGElement ? style.fill : style.color), behind(element)].map(luminance);
    const contrast = (Math.max(own, back) + 0.05) / (Math.min(own, back) + 0.05);
    if (contrast < 4.5) { say('contrast', element, `${contrast.toFixed(2)}: ${text.slice(0, 40)}`); }
  }

  // Every verdict lies in the window.
  const verdicts = document.querySelectorAll('tbody td.verdict strong, .conclusion, #objectives td:first-child');
  for (const verdict of verdicts) {
    const box = verdict.getBoundingClientRect();
    if (!shown(verdict) || !box.width || box.left < 0 || box.right > innerWidth) {
      say('verdict', verdict, `from ${box.left.toFixed(0)} to ${box.right.toFixed(0)} px: ${verdict.textContent}`);
    }
  }
  if (!document.querySelector('tbody td.verdict strong')) { wrong.push('verdict: no path has one'); }

  const folded = Array.from(document.querySelectorAll('details > section')).filter(section => !shown(section)).length;
  const words = texts.filter(([, text]) => /[\p{L}\p{N}]/u.test(text))
    .reduce((sum, [, text]) => sum + text.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length, 0);
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return { wrong, folded, words, draw: paint ? paint.startTime : null, height: document.documentElement.scrollHeight };
})()
