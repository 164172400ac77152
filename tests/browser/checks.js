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

  // Every bar of a forest plot stands where the figures beside it say, read back through the ticks of its scale.
  const number = text => Number(text.replace('−', '-'));
  const half = text => 0.5 / 10 ** (text.split('.')[1] || '').length;
  // Where a shape begins, is in its middle, and ends on the screen; strokes do not count.
  const across = shape => {
    const [box, matrix] = [shape.getBBox(), shape.getScreenCTM()];
    const [from, to] = [box.x, box.x + box.width].map(x => matrix.a * x + matrix.e);
    return { from, to, middle: (from + to) / 2 };
  };
  let bars = 0;
  for (const table of document.querySelectorAll('table.paths')) {
    const ticks = Array.from(table.querySelectorAll('svg.scale text')).map(tick => {
      const box = tick.getBoundingClientRect();
      return { x: box.left + box.width / 2, ms: number(tick.textContent) };
    });
    const [first, last] = [ticks[0], ticks[ticks.length - 1]];
    for (const row of ticks.length ? table.querySelectorAll('tbody tr') : []) {
      const pixel = (last.ms - first.ms) / (last.x - first.x);
      const holds = (what, x, told) => {
        const drawn = first.ms + pixel * (x - first.x);
        bars += 1;
        // A tick's letters may stand half a pixel beside it at either end of the scale.
        if (!(Math.abs(drawn - number(told)) <= half(told) + 1.5 * Math.abs(pixel))) {
          say('drawn', row, `${what} at ${drawn.toFixed(2)} ms, written as ${told}: ${row.textContent.slice(0, 60)}`);
        }
      };
      const cell = row.querySelector('td.plot');
      const [mark, interval, margin] = ['svg > svg > *', '.interval', '.margin']
        .map(part => Array.from(cell.querySelectorAll(part)).find(shown));
      const written = cell.querySelector('span').textContent;
      const told = written.match(/([+−][\d.]+)(?:\s\[(−?[\d.]+),\s(−?[\d.]+)\])? ms/);
      const limit = (cell.querySelector('small')?.textContent || '').match(/[+−][\d.]+/);
      if (!mark !== !told && written !== 'baseline') { say('drawn', row, `a mark or a figure stands alone: ${written}`); }
      if (!interval !== !(told && told[2])) { say('drawn', row, `an interval is drawn or written alone: ${written}`); }
      if (!margin !== !limit) { say('drawn', row, 'a margin is shaded or written alone'); }
      if (mark) { holds('the mark', across(mark).middle, told ? told[1] : '0.0'); }
      if (interval && told && told[2]) {
        holds('the beginning of the interval', across(interval).from, told[2]);
        holds('the end of the interval', across(interval).to, told[3]);
      }
      if (margin && limit) { holds('the edge of the margin', across(margin).to, limit[0]); }
    }
  }

  // Every path of a chart says what it is where it is pointed at, and one that is pointed at stands out.
  const pathColour = shape => (`${shape.getAttribute('stroke')} ${shape.getAttribute('fill')}`.match(/--path-\d/) || [])[0];
  for (const chart of Array.from(document.querySelectorAll('figure svg')).filter(shown)) {
    const own = Array.from(chart.querySelectorAll('*'));
    const drawn = new Set(own.map(pathColour).filter(Boolean));
    const titled = new Set(own.filter(shape => shape.closest('g')?.querySelector('title')?.textContent.trim()).map(pathColour));
    for (const colour of drawn) {
      if (!titled.has(colour)) { say('title', chart, `nothing in the colour of ${colour} has a title`); }
    }
  }
  const rows = document.querySelectorAll('[data-path]');
  if (rows.length > 1 && document.querySelector('figure svg')) {
    const point = target => target.dispatchEvent(new PointerEvent('pointerover', { bubbles: true, pointerType: 'mouse' }));
    const opacities = own => Array.from(document.querySelectorAll('figure svg [stroke^="var(--path-"]'))
      .filter(shape => shown(shape) && (pathColour(shape) === `--path-${rows[1].dataset.path}`) === own)
      .map(shape => Number(getComputedStyle(shape).opacity));
    point(rows[1]);
    if (opacities(false).some(opacity => opacity > 0.3)) { say('highlight', rows[1], 'the other paths do not fade'); }
    if (opacities(true).every(opacity => opacity < 0.9)) { say('highlight', rows[1], 'the path itself is faded or nowhere'); }
    point(document.body);
    if (opacities(false).every(opacity => opacity < 0.3)) { say('highlight', rows[1], 'the others stay faded'); }
  }

  const folded = Array.from(document.querySelectorAll('details > section')).filter(section => !shown(section)).length;
  const words = texts.filter(([, text]) => /[\p{L}\p{N}]/u.test(text))
    .reduce((sum, [, text]) => sum + text.split(/\s+/).filter(word => /[\p{L}\p{N}]/u.test(word)).length, 0);
  const paint = performance.getEntriesByName('first-contentful-paint')[0];
  return { wrong, folded, words, bars, draw: paint ? paint.startTime : null, height: document.documentElement.scrollHeight };
})()
