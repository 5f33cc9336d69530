#!/bin/sh
# test_view.sh BINARY SOURCE_DIR BUILD_DIR: the trajectory view of a report, in a browser of a phone's width: keys, pointer,
# switches, hostile texts; and the page's policy lets the view's script run, and no other.
set -eu
raml=$1
tmp=$(mktemp -d)
trap 'rm -rf "$tmp"' EXIT
cd "$tmp"
fail() {
    echo "FAIL: $*"
    exit 1
}

# Three lines of three tokens; then one whose texts try to end script and attribute, and that has nothing optional; then
# one with marks.
mkdir run run/update
cat >run/curves.jsonl <<'END'
{"id":"q","sample":0,"correct":true,"n_answer":2,"tokens":["ab","cd","\n","ef","gh","\n","ij","kl","mn"],"L":[4,3.5,3,3,3.5,2,2,1,0.5,0.0625],"greedy":[false,false,false,false,false,false,false,false,true,true],"answers":[{"name":"gold","text":"42","n_answer":2,"L":[4,3.5,3,3,3.5,2,2,1,0.5,0.0625],"greedy":[false,false,false,false,false,false,false,false,true,true],"p":[0.1,0.2,0.3,0.3,0.3,0.4,0.4,0.6,0.7,0.9],"p_mean":[0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.5,0.8]},{"name":"</option><b class=\"bad\">","text":"</script><b class=\"bad\">x</b>","n_answer":1,"L":[1,1.5,1.5,1.5,1.5,1.5,1.5,1.5,1.5,2],"greedy":[true,true,false,false,false,false,false,false,false,false],"p":[0.9,0.8,0.7,0.7,0.7,0.6,0.6,0.4,0.3,0.1]}],"commitment":[0,0.125,0,0,0,0,0,0,0,0.75],"layers":{"layer":[1,2],"L":[[9,9,9,9,9,9,9,9,9,8.5],[5,5,5,5,5,5,5,5,5,6]]},"entropy":[0.5,0,0,0,0,0,0,0,1.25],"logp":[-0.5,0,0,0,0,0,0,0,-3],"role":["other","number",null,null,null,null,null,null,"other"]}
{"id":"r","sample":0,"correct":false,"tokens":["</span><b class=\"bad\">","</script><script>document.title='bad'</script>","\" onfocus=\"document.title='bad'"],"L":[1,1,1,1]}
{"id":"s","sample":0,"correct":false,"tokens":["ab","cd","\n","ef","gh","\n","ij","kl","mn"],"L":[1,1,1,1,1,1,1,1,1,1],"marks":[{"at":3,"kind":"exit","name":"<b class=\"bad\">","value":0.5,"text":"</script><b class=\"bad\">"},{"at":3,"kind":"exit","name":"B"},{"at":9,"kind":"exit","name":"B","value":null},{"at":0,"kind":"fork","name":"Wait","value":-0.25},{"at":3,"kind":"fork","name":"Wait","value":0.5,"text":"of 8"},{"at":6,"kind":"<img>","name":"x"}]}
END
cat >run/update/update.jsonl <<'END'
{"id":"q","sample":0,"at":[0,1,9],"size":[0,0.015625,0.5]}
END
"$raml" report run >/dev/null
page=run/report.html

# Without a browser: the policy has the hash of what stands between the tags.
octal=$(awk '/<script>/ { on = 1; sub(/.*<script>/, "") } /<\/script>/ && on { exit } on' "$page" | sha256sum |
    cut -c 1-64 | sed 's/../ &/g' | awk '{
        for (i = 1; i <= NF; i++) {
            v = (index("0123456789abcdef", substr($i, 1, 1)) - 1) * 16 + index("0123456789abcdef", substr($i, 2, 1)) - 1
            printf "\\%03o", v
        }
    }')
# shellcheck disable=SC2059  # the octal numbers are the format
hash=$(printf "$octal" | base64)
grep -qF "script-src 'sha256-$hash'\"" "$page" || fail "the policy has not the script's hash sha256-$hash"

browser=
for name in chromium chromium-browser google-chrome; do
    [ -n "$browser" ] || browser=$(command -v $name) || :
done
if [ -z "$browser" ]; then
    echo "test_view: chromium is not installed: the view's behaviour is NOT checked"
    exit 0
fi
# dom PAGE: the page as it is when its scripts have run.
dom() {
    timeout 120 "$browser" --headless --no-sandbox --disable-gpu --user-data-dir="$tmp/profile" \
        --virtual-time-budget=5000 --dump-dom "file://$tmp/$1" 2>browser.err || fail "the browser: $(tail -n 3 browser.err)"
}

# As it is written: the view's script runs, a script that got in does not.
sed "s|<body>|<body><script>document.title = 'bad'</script>|" "$page" >in.html
dom in.html >in.dom
grep -q 'class="dock' in.dom || fail "the view's script did not run: $(head -n 3 browser.err)"
grep -q '<title>bad' in.dom && fail "a script ran that is not the view's"

# Its behaviour: checks in place of the policy, first from before the script, then after it; in a frame of 360 pixels.
cat >before.js <<'END'
window.before = [...document.querySelectorAll('.trajectory')].map(t => [...t.children].map(e => e.className).join());
END
cat >after.js <<'END'
const said = [];
const is = (what, got, want) => String(got) === String(want) || said.push(`${what}: '${got}', expected '${want}'`);
const [list, second, third] = document.querySelectorAll('.trajectory'), view = list.parentNode;
const key = (name, more) => document.activeElement.dispatchEvent(
    new KeyboardEvent('keydown', {key: name, bubbles: true, cancelable: true, ...more}));
const now = () => document.activeElement.getAttribute('aria-label');
const classes = () => [...list.children].map(e => e.className.replace(/ ?now/, '')).join();
const values = v => Object.fromEntries([...v.querySelectorAll('.panel dl div')].filter(e => !e.hidden)
    .map(e => [e.firstChild.textContent, e.lastChild.textContent]));
const text = () => view.querySelector('.panel .token').textContent;

// what the program coloured is what the script colours
is('colours', classes(), before[0]);
is('stops of Tab', document.querySelectorAll('.trajectory [tabindex="0"]').length, 3);
is('tooltips', list.querySelectorAll('[title]').length, 0);
is('role', list.getAttribute('role') + list.children[3].getAttribute('role'), 'listboxoption');

// keys
list.querySelector('[tabindex="0"]').focus();
is('first', now(), 'ab');
key('ArrowLeft');
is('left of the first', now(), 'ab');
key('ArrowRight');
is('right', now(), 'cd');
is('stops after a move', list.querySelectorAll('[tabindex="0"]').length, 1);
is('one is current', list.querySelectorAll('[aria-selected="true"], .now').length, 1);
is('described by', document.activeElement.getAttribute('aria-describedby'), view.querySelector('.panel').id);
key('ArrowDown');
is('down', now(), 'gh');
key('ArrowDown');
is('down again', now(), 'kl');
key('ArrowDown');
is('down from the last line', now(), 'kl');
key('ArrowUp');
is('up', now(), 'gh');
key('ArrowRight', {ctrlKey: true});
is('with Ctrl', now(), 'gh');
key('Home');
is('Home', now(), 'ab');
const first = {i: 1, 'L, nats': 3.5, '\u0394L, nats': '\u22120.5', p: '9.12e\u22124', greedy: 'no', share: 0.2,
    'share, mean': 0.5, commitment: 0.125, role: 'other', 'entropy, nats': 0.5, 'log p, nats': '\u22120.5', update: 0.0156};
is('panel', JSON.stringify(values(view)), JSON.stringify(Object.fromEntries(Object.entries(first).map(([k, v]) => [k, String(v)]))));
is('cursor', parseFloat(view.querySelector('.cursor').style.left).toFixed(2), (100 / 9).toFixed(2));
key('End');
is('End', now(), 'mn');
is('panel at the end', values(view).greedy + ' ' + values(view).update + ' ' + text(), 'yes 0.5 \u201cmn\u201d');
is('dot at the end', parseFloat(view.querySelector('.dot').style.top).toFixed(2), (100 * (1 - 0.0625 / 4)).toFixed(2));

// pointer: a token, and a place of the curve
list.children[2].dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
is('pointed at', text() + values(view).role, '\u201c\\n\u201d\u2013');
const plot = view.querySelector('.plot').getBoundingClientRect();
view.querySelector('.plot svg').dispatchEvent(
    new PointerEvent('pointermove', {bubbles: true, clientX: plot.left + plot.width * 5.2 / 9}));
is('on the curve', values(view).i, 5);

// switches
const [answer, layer] = view.querySelectorAll('select');
const choose = (e, k) => { e.selectedIndex = k; e.dispatchEvent(new Event('change')); };
is('curves', view.querySelectorAll('polyline').length + ' ' + view.querySelectorAll('polyline.beside').length, '2 1');
choose(answer, 1);
list.children[0].focus();
is('colours of the other answer', classes(), 'p5 g,,,,,,,,p5');
is('its numbers', ['L, nats', 'p', 'greedy', 'share', 'share, mean'].map(k => values(view)[k]), '1.5,0.223,yes,0.8,');
choose(layer, 2);
is('a layer is of the traced answer', answer.selectedIndex, 0);
is('colours of a layer', classes(), ',,,,,,,,p6');
is('its numbers', values(view)['L, nats'] + values(view).greedy + values(view).share, '5undefinedundefined');
is('curves of layers', view.querySelectorAll('polyline').length, 3);
choose(answer, 0);
is('back', classes() + layer.selectedIndex, before[0] + '0');

// marks: in the text after their tokens, under the curve, in the panel; a choice of them
const marked = third.parentNode, sign = marked.querySelector('select');
const tokens = [...third.children].filter(e => e.tagName === 'SPAN');
const text_with = () => [...third.childNodes].map(e => e.nodeName === 'B' ? `[${e.textContent}]` : '.').join('');
const lanes = () => [...marked.querySelectorAll('.lane')].map(e => e.className + ' ' + [...e.children].map(b => b.textContent));
is('signs in the text', text_with(), '[c\u25bc]...[c\u25b2][a b]...[d]...[b]');
is('lanes', lanes().join('; '), 'lane exit,ab,b; lane fork fork,,; lane <img>,d');
const bars = [...marked.querySelectorAll('.lane.fork b')].map(b => parseFloat(b.style.top) + ' ' + parseFloat(b.style.height));
is('effects', bars.join(), '50 25,0 50');
is('places', [...marked.querySelectorAll('.tick')].map(e => parseFloat(e.style.left).toFixed(1)).join(), '33.3,100.0,66.7');
is('names', marked.querySelector('.signs').textContent.replace(/\u25b2.*size. /, ''),
    'Signs, each after its token. exita<b class="bad">bBforkcWait<img>dx');
is('what is there', [tokens[2].focus(), [...marked.querySelectorAll('.here span')].map(e => e.textContent).join('|')][1],
    'a exit \u201c<b class="bad">\u201d 0.5: </' + 'script><b class="bad">|b exit \u201cB\u201d|c fork \u201cWait\u201d +0.5: of 8');
tokens[0].focus();
is('before the first token', marked.querySelector('.here').textContent, 'c fork \u201cWait\u201d \u22120.25');
tokens[1].focus();
is('nothing there', marked.querySelector('.here').hidden, true);
third.querySelectorAll('.sign')[1].dispatchEvent(new PointerEvent('pointerover', {bubbles: true}));
is('pointed at a sign', marked.querySelector('.panel .token').textContent, '\u201c\\n\u201d');
choose(sign, 3);
is('one name', text_with(), '...[b]......[b]');
is('of one name there', marked.querySelector('.here').textContent, 'b exit \u201cB\u201d');
choose(sign, 1);
is('no signs', text_with() + lanes().length + marked.querySelectorAll('.tick').length, '.........00');
choose(sign, 0);
is('all signs', text_with(), '[c\u25bc]...[c\u25b2][a b]...[d]...[b]');

// nothing optional, and texts that try to be markup
const other = second.parentNode;
is('fields', Object.keys(values(other)), 'i,L, nats,\u0394L, nats');
is('no switches', other.querySelectorAll('select').length, 0);
second.children[1].focus();
is('hostile text', other.querySelector('.panel .token').textContent,
    '\u201c</' + 'script><' + "script>document.title='bad'</" + 'script>\u201d');
is('markup', document.querySelectorAll('.bad').length + ' ' + document.title.includes('bad'), '0 false');
is('width', innerWidth, 360);
is('no sideways scrolling', document.documentElement.scrollWidth <= 360, true);
is('the keys are explained', document.querySelector('.scale .keys').hidden, false);
parent.postMessage(said.length ? said.join('\n') : 'all as expected', '*');
END
awk '/Content-Security-Policy/ { next }
    /^<script>/ { print "<script>"; while ((getline line <"before.js") > 0) print line; print "</script>" }
    /^<\/body>/ { print "<script>"; while ((getline line <"after.js") > 0) print line; print "</script>" }
    { print }' "$page" >checked.html
cat >frame.html <<'END'
<!DOCTYPE html><meta charset="utf-8"><pre id="result"></pre><script>
addEventListener('message', event => document.querySelector('#result').textContent += '\nresult: ' + event.data);
</script><iframe src="checked.html" style="border:0;width:360px;height:740px"></iframe>
END
dom frame.html >frame.dom
grep -q '^result: all as expected' frame.dom || fail "$(sed -n '/result/,/<\/pre>/p' frame.dom)"
echo "the view behaves as expected in $browser"
