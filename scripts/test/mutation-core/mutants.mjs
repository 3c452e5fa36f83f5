/** Returns the text of a file with a mistake in it. */
export function made({ name, file, from, to }, text) {
  const places =
    typeof from === 'string' ? text.split(from).length - 1 : [...text.matchAll(new RegExp(from, 'g'))].length
  if (places !== 1) throw new Error(`"${name}" has ${places} places in ${file}, not one`)
  return text.replace(from, to)
}

/**
 * Mistakes in the lock-free store that tests have to notice. `find` occurs exactly once in a file under
 * `crates/core/src/store`, and is replaced. `by` are the tests of the library that notice it, or, with `loom`, the
 * models. Some mistakes show only as a hang.
 */
export const mutants = [
  {
    name: 'a copy is not validated',
    file: 'read.rs',
    from: 'self.state(chosen.id).version() == chosen.state.version()',
    to: 'self.state(chosen.id).version() > 0',
    by: ['preempted'],
  },
  {
    name: 'a copy that is discarded stays with the reader',
    file: 'read.rs',
    from: 'out.zeroize();',
    to: '',
    by: ['stopped'],
  },
  {
    name: 'a node is believed without a second look at the word that led to it',
    file: 'index/list.rs',
    from: /if (self\.)?prev\.load\(Ordering::Acquire\) != (self\.)?word\.0 \{/,
    to: 'if $1prev.load(Ordering::Acquire) == 1 {',
    by: ['preempted', 'stopped', 'stress'],
  },
  {
    name: 'bytes are wiped before the version moves',
    file: 'mod.rs',
    from: /( +node\.state\.store\(seen\.state\.next\(\)\.0, Ordering::Release\);\n)(.*\n)( +self\.blocks\.wipe\(first, len\);\n)/,
    to: '$2$3$1',
    by: ['loom::basic::a_reader_never_gets'],
    loom: true,
  },
  {
    name: 'nothing is wiped',
    file: 'mod.rs',
    from: 'self.blocks.wipe(first, len);',
    to: '',
    by: ['stopped'],
  },
  {
    name: 'tags stand still',
    file: 'index/node.rs',
    from: '.wrapping_add(1 << ID_BITS) & !MARK;',
    to: ' & !MARK;',
    by: ['preempted', 'stopped', 'stress'],
  },
  {
    name: 'tags of three bits',
    file: 'index/node.rs',
    from: '.wrapping_add(1 << ID_BITS) & !MARK;',
    to: '.wrapping_add(1 << ID_BITS) & (7 << ID_BITS);',
    by: ['stopped'],
  },
  {
    name: 'tags of free blocks stand still',
    file: 'payload/block_slab.rs',
    from: 'let tag = (self.word >> self.block_bits) + 1;',
    to: 'let tag = self.word >> self.block_bits;',
    by: ['loom::basic::no_block_has_two_owners'],
    loom: true,
  },
  {
    name: 'a lane is released without order',
    file: 'lane.rs',
    from: 'self.0.fetch_and(!(1 << lane), Ordering::Release);',
    to: 'self.0.fetch_and(!(1 << lane), Ordering::Relaxed);',
    by: ['loom::memory::a_lane'],
    loom: true,
  },
  {
    name: 'a node is freed that is still linked',
    file: 'index/list.rs',
    from: 'if exchange(seen.prev, seen.word, seen.word.to(seen.next.id())).is_err() {\n            self.scan(hash, |(): &mut (), _| ());\n        }',
    to: 'let _ = (hash, exchange(seen.prev, seen.word, seen.word.to(seen.next.id())));',
    by: ['preempted', 'stopped', 'stress'],
  },
  {
    name: 'what is evicted is not looked for in the list',
    file: 'index/list.rs',
    from: /let \(found, _\) = self\.scan\(hash, \|found: &mut Option<NodeSnapshot<'_>>, seen\| \{\n +if seen\.id == id [\s\S]*?\}\);\n +found\n/,
    to: `let _ = hash;
        let (seen, _) = read(&self.nodes[id], self.buckets.word(Bucket::FIRST), TaggedLink(0));
        (seen.state.version() == version && !seen.next.is_marked()).then_some(seen)
`,
    by: ['stopped', 'stress'],
  },
  {
    name: 'a mark is tried again without a look at the version',
    file: 'index/list.rs',
    from: 'if now.is_marked() || version != seen.state.version() {',
    to: 'if now.is_marked() || version == 0 {',
    by: ['preempted', 'stopped', 'stress'],
  },
  {
    name: 'who stores does not look whether a clear came between',
    file: 'insert.rs',
    from: 'if self.generations.current() == entry.generation {',
    to: 'if entry.generation < 1000 {',
    by: ['preempted', 'stopped'],
  },
  {
    name: 'a clear removes what came after a later one',
    file: 'clear.rs',
    from: '!node.size.is_of(self.generations.current())',
    to: '!node.size.is_of(0)',
    by: ['stopped'],
  },
  {
    name: 'a walk begins at a bucket that is not linked yet',
    file: 'index/split_order.rs',
    from: 'word != TaggedLink(0) && !word.is_marked()',
    to: 'word != TaggedLink(0)',
    by: ['preempted', 'stopped', 'loom::growth'],
    loom: true,
  },
  {
    name: 'a blob is filled without a fence',
    file: 'payload/block_slab.rs',
    from: '// Pairs with the acquire fence in `copy`: a reader of one of these words sees that the version moved on.\n        fence(Ordering::Release);',
    to: '',
    by: ['loom::memory'],
    loom: true,
  },
  {
    name: 'a blob is copied without a fence',
    file: 'payload/block_slab.rs',
    from: /(sees that it moved\.\n +)fence\(Ordering::Acquire\);/,
    to: '$1',
    by: ['loom::basic::a_reader', 'loom::memory'],
    loom: true,
  },
  {
    name: 'an entry is stored before there is room for it',
    file: 'quota.rs',
    from: 'need.beyond(*have).is_none()\n    }',
    to: 'true\n    }',
    by: ['stopped', 'oracle_equivalence'],
  },
  {
    name: 'a group of stamps is released without a fence',
    file: 'recency.rs',
    from: /(sees the cleared\n +\/\/ bit and sets it\.\n +)fence\(Ordering::SeqCst\);/,
    to: '$1',
    by: ['loom::recency::a_group'],
    loom: true,
  },
  {
    name: 'the bound of all deadlines is removed without a fence',
    file: 'recency.rs',
    from: /(that one lowers the bound\.\n +)fence\(Ordering::SeqCst\);/,
    to: '$1',
    by: ['loom::recency::a_deadline'],
    loom: true,
  },
  {
    name: 'a late stamp is given to a later entry',
    file: 'recency.rs',
    from: '(self.0 ^ version) & VERSION_MASK == 0',
    to: 'version > 0',
    by: ['recency'],
  },
  {
    name: 'entries stored during a drain are not counted',
    file: 'clear.rs',
    from: 'if self.is_draining() {\n            self.count',
    to: 'if self.is_draining() && generation > 1000 {\n            self.count',
    by: ['bounded'],
  },
  {
    name: 'a remove goes on while others add',
    file: 'key_run.rs',
    from: 'for _ in 0..run.live {',
    to: 'loop {',
    by: ['bounded'],
  },
  {
    name: 'all stamps are read where few entries are left',
    file: 'recency.rs',
    from: 'if is_enough || read == MAX_GROUPS {',
    to: 'if read == u32::MAX {',
    by: ['bounded'],
  },
  {
    name: 'a group without an entry is not released',
    file: 'recency.rs',
    from: 'word.fetch_and(!bit, Ordering::Relaxed);',
    to: '',
    by: ['bounded'],
  },
  {
    name: 'one entry is removed by its place, whatever is there now',
    file: 'index/list.rs',
    from: 'seen.id == entry.node() && EntryId::new(seen.id, seen.state.version()) == entry',
    to: 'seen.id == entry.node()',
    by: ['every_history_has'],
  },
  {
    name: 'an annotation is read with the blob',
    file: 'read.rs',
    from: 'self.blocks.copy_behind(first, ANNOTATION_LEN, out)',
    to: 'self.blocks.copy(first, out)',
    by: ['every_history_has'],
  },
  {
    name: 'breaker: every connection probes',
    file: '../breaker/endpoint.rs',
    from: 'Phase::Suspected => (for_report(Phase::Probing), Permission::Probe)',
    to: 'Phase::Suspected => (self, Permission::Probe)',
    by: ['breaker'],
  },
  {
    name: 'breaker: what becomes of a word is not exchanged',
    file: '../breaker/slots.rs',
    from: 'if slot.compare_exchange(word, then, Ordering::Release, Ordering::Relaxed).is_ok() {',
    to: 'slot.store(then, Ordering::Release);\n            if true {',
    by: ['breaker::tests::loom_models'],
    loom: true,
  },
  {
    name: 'a ticket key is read without a fence',
    file: '../ticket_keys/slot.rs',
    from: 'fence(Ordering::Acquire);',
    to: '',
    by: ['slot::loom_models'],
    loom: true,
  },
]
