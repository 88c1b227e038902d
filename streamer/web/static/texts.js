// Every text of the page, in one place. A translation is another file like this one.

const many = (count, one, more) => (count === 1 ? one : more);

export const T = {
  language: "en-GB",
  title: (view) => `${view} · facestream`,
  menu: "Views",
  skip: "Skip to the view",
  close: "Close",
  cancel: "Cancel",
  keep: "No, keep",
  save: "Save",
  more: "Show more",
  views: { live: "Live", people: "People", history: "History", gallery: "Gallery", health: "Health", setup: "Set up" },
  connection: { off: "Connected", connecting: "Connecting…", open: "Live", waiting: "Reconnecting…", away: "No answer" },

  times: {
    never: "never",
    now: "just now",
    still: "still here",
    yesterday: (time) => `yesterday, ${time}`,
    ago: (span) => `${span} ago`,
    seconds: (count) => `${count} s`,
    minutes: (count) => `${count} min`,
    hours: (hours, minutes) => (minutes ? `${hours} h ${minutes} min` : `${hours} h`),
    days: (count) => `${count} ${many(count, "day", "days")}`,
  },

  faults: {
    away: "facestream does not answer. Is it running?",
    status: (status) => `It was refused, with status ${status}.`,
  },

  login: {
    title: "Who is there?",
    help: "This page is open to other machines, so it asks for the token that “facestream web token” printed.",
    token: "Token",
    open: "Open the page",
  },

  live: {
    summary: (cameras) => `${cameras} ${many(cameras, "camera", "cameras")}. Choose a face to say who it is.`,
    begin: "Enrol the first person",
    addCamera: "Add a camera",
    cameras: "Cameras",
    all: "All",
    side: "Who is here, and what happened",
    camera: (name) => `Camera ${name}`,
    picture: (name) => `Live picture of ${name}`,
    enlarge: (name) => `Show ${name} large`,
    facesOf: (name) => `Faces on ${name}`,
    fps: (fps) => (fps > 0 ? `${Math.round(fps)} pictures a second` : ""),
    waiting: "Waiting for a picture",
    nobody: "Nobody in sight",
    undecided: "Looking…",
    states: {
      opening: "Opening the camera",
      silent: "Nothing is heard of this camera",
      running: "Running",
      stalled: "No pictures come; it is opened again",
      retrying: "Away; it is tried again",
      ended: "The recording has ended",
      stopped: "Stopped",
    },
    here: "Here now",
    hereNobody: "Nobody is in sight.",
    since: (cameras, time) => `${cameras}, since ${time}`,
    events: "Events",
    eventsNone: "Who comes and goes will be listed here.",
    did: { enter: () => "came", update: (before) => `was ${before}`, exit: () => "left" },
    noCamera: "No camera yet",
    noCameraHow: "Pick one: it takes a minute.",
  },

  face: {
    who: "Who is this?",
    crop: (who) => `The face that is ${who}`,
    camera: "Camera",
    as: "Known as",
    sure: "Sure",
    name: "Name",
    rather: "Who is it, then? (may stay empty)",
    offers: "People who are enrolled",
    enrol: "Enrol",
    addTo: (name) => `Add to ${name}`,
    addLooks: (name) => `Add these looks to ${name}`,
    not: (name) => `Not ${name}`,
    noted: (name) => `Noted: this was not ${name}.`,
    noEvent: "The history has no event of this face to correct.",
    open: (name) => `Open ${name}`,
    before: "Seen before",
    notKept: "Nothing is kept of strangers here, unless strangers.keep says so.",
    notBefore: "Not seen before.",
    ignore: (who) => `Ignore ${who}`,
    ignoreSure: "They will be in no event, and their visits are deleted. People, Ignored takes it back.",
  },

  people: {
    summary: (count) => `${count} ${many(count, "person", "people")} enrolled`,
    tabs: "Kinds of people",
    tab: { enrolled: "Enrolled", strangers: "Strangers", ignored: "Ignored" },
    add: "Add a person",
    addHelp: "One good photo works; ten different ones work better. The pictures stay on the machine that facestream runs on.",
    find: "Find",
    none: "Nobody is enrolled yet",
    noneHow: "Enrol the first one before a camera",
    seen: (ago, camera) => (camera ? `${ago}, ${camera}` : ago),
    neverSeen: "not seen yet",
    crops: (count) => `${count} ${many(count, "crop", "crops")}`,
    aside: (count) => `${count} set aside`,
    until: (day) => `until ${day}`,
  },

  strangers: {
    none: "No strangers are kept",
    noneHow: "They are, with strangers.keep = true in config.toml. Live names those who are in sight now.",
    first: "First seen",
    last: "Last seen",
    seen: (time, camera) => (camera ? `${time}, ${camera}` : time),
    visits: (count) => `${count} ${many(count, "visit", "visits")}`,
  },

  ignored: {
    none: "Nobody is ignored",
    what: "Who is ignored is in no event any more.",
    undo: "Take back",
    undoOf: (who) => `Ignore ${who} no longer`,
  },

  person: {
    summary: (crops, aside) => (aside ? `${crops} ${many(crops, "crop", "crops")} in use, ${aside} set aside` : `${crops} ${many(crops, "crop", "crops")}`),
    rename: "Rename",
    newName: "New name",
    merge: "Merge",
    mergeTitle: (name) => `${name} is somebody who is enrolled twice`,
    mergeHelp: "Both become one. Going back to the version before, in Gallery, undoes it.",
    mergeInto: "Goes on as",
    choose: "Choose…",
    export: "Export",
    forget: "Forget",
    forgetTitle: (name) => `Forget ${name}?`,
    forgetHelp: "All that is stored of this person is deleted: crops, visits, snapshots, in every version. It cannot be undone.",
    forgetType: (name) => `Type ${name} to confirm`,
    consent: "Consent",
    consentNote: "Note",
    consentHelp: "Who agreed, when, and to what.",
    noConsent: "no note",
    expires: "To be forgotten after",
    expiresHelp: "At the end of that day everything stored of this person is deleted.",
    noExpiry: "no date",
    editConsent: "Edit consent",
    seen: "Last seen",
    rejects: "Expected to be missed",
    rejectsUnknown: "not known yet",
    crops: "Crops",
    cropAlt: (source) => `Crop from ${source}`,
    kept: "in use",
    verdicts: {
      right: () => "named rightly",
      nobody: () => "taken for nobody",
      wrong: (named) => `taken for ${named}`,
      untried: () => "in use",
    },
    setAside: "Set aside",
    setAsideOf: (source) => `Set aside: ${source}`,
    putBack: "Put back",
    putBackOf: (source) => `Put back: ${source}`,
    aside: "set aside",
    addPictures: "Add pictures",
    visits: "Latest visits",
    noVisits: "No visits yet.",
    allVisits: "All visits",
  },

  upload: {
    several: "Drop pictures here, or",
    one: "Drop a picture here, or",
    choose: "Choose files",
    camera: "Take a photo",
    remove: (name) => `Take ${name} out`,
    none: "Add a picture first.",
    send: (count) => `Add ${count} ${many(count, "picture", "pictures")}`,
  },

  history: {
    summary: (count, more) => (more ? `The newest ${count} visits` : `${count} ${many(count, "visit", "visits")}`),
    filters: "Filters",
    period: "Period",
    periods: { hour: "Last hour", day: "Last 24 hours", week: "Last 7 days", month: "Last 30 days" },
    person: "Who",
    everybody: "Everybody",
    camera: "Camera",
    everywhere: "All cameras",
    by: "A lane for each",
    byPerson: "person",
    byCamera: "camera",
    none: "No visits in this period",
    noneHow: "Visits of people who are enrolled are written down; of strangers, if history.strangers says so.",
    list: "Visits",
    bar: (who, camera, time, took) => `${who}, ${camera}, ${time}, ${took}`,
    range: (from, to) => (to ? `${from} – ${to}` : `since ${from}`),
    from: "Came",
    to: "Left",
    took: "Stayed",
    snapshot: (who) => `Snapshot of ${who}`,
    search: "Search by picture",
    searchHelp: "Who on record looks like the face in a picture? The picture itself is not kept.",
    searching: "Searching",
    searchNone: "Nobody on record looks like that.",
    face: (number) => `Face ${number}`,
    named: "would get this name",
    nearer: (share) => `${share} of different people look more alike`,
    foundDetail: (visits, last) => `${visits} ${many(visits, "visit", "visits")}${last ? `, last ${last}` : ""}`,
  },

  gallery: {
    what: "Every change of people makes a version. Any of them can be used again.",
    version: (number) => `Version ${Number(number)}`,
    inUse: "in use",
    broken: "cannot be used",
    people: "People",
    crops: "Crops",
    rightly: "Named rightly",
    name: "Name",
    use: "Use this one",
    useOf: (number) => `Use version ${Number(number)}`,
    changes: (parent) => `Changes since ${Number(parent)}`,
    changesOf: (parent, number) => `Changes from version ${Number(parent)} to ${Number(number)}`,
    diffTitle: (older, newer) => `From version ${Number(older)} to ${Number(newer)}`,
    noDiff: "Both have as many crops of everybody.",
    moreDiff: (count) => `And ${count} more.`,
    rollback: "Go back one version",
    rollbackSure: (parent) => `Version ${Number(parent)} will be used. The newer one is kept.`,
    report: "Report",
    noReport: "The command “facestream train report” writes a page that says how often this gallery will be wrong; it is linked here then.",
    none: "No version yet",
  },

  health: {
    summary: (processes, restarts) =>
      `${processes} ${many(processes, "process", "processes")}, ${restarts} ${many(restarts, "restart", "restarts")}`,
    cameras: "Cameras",
    fps: "Pictures a second",
    half: "Half within",
    most: "95 % within",
    ms: (value) => `${value} ms`,
    notUsed: "Not used",
    drop: (count, reason) => `${count} ${reason}`,
    dropOf: (stage, count, reason) => `${count} ${stage}: ${reason}`,
    noDrops: "Nothing was dropped.",
    // Why something was not used; a reason that is not here is shown as it is.
    reasons: {
      asker_gone: "whoever asked had gone",
      better_ones: "there were better ones",
      busy: "too busy",
      enough_of_track: "enough of that face",
      expired: "too old",
      in_flight: "one was under way",
      left: "the listener left",
      malformed: "not to be read",
      not_a_face: "no face after all",
      not_due: "not due yet",
      not_wanted: "not wanted",
      queue_full: "queue full",
      stopped: "at a stop",
      superseded: "newer one came",
      too_blurred: "too blurred",
      too_slow: "too slow a reader",
      track_ended: "the face had left",
      unconfirmed: "seen too shortly",
      unwanted: "not wanted",
      worker_lost: "worker lost",
    },
    processes: "Processes",
    account: "Account",
    accountHelp: "At every stage, received = forwarded + pending + dropped.",
    columns: {
      name: "Process", state: "State", since: "Started", restarts: "Restarts", cpu: "CPU time",
      stage: "Stage", received: "Received", forwarded: "Forwarded", pending: "Pending", dropped: "Dropped, why",
    },
  },

  setup: {
    title: "Welcome",
    titleMore: "Add a camera, or a person",
    what: "From a camera to the first name, in a minute.",
    steps: "Steps",
    stepNames: ["Pick a camera", "See it", "Say who it is"],
    pick: "Which camera?",
    found: (source) => `found: ${source}`,
    webcam: (number) => `webcam ${number}`,
    noneFound: "No webcam was found on the machine that facestream runs on.",
    byAddress: "A camera by its address",
    source: "Address",
    sourceHelp: "Such as rtsp://user:password@192.0.2.10/stream, or the number of a webcam.",
    name: "Name of the camera",
    nameHelp: "Letters, digits, - and _. Empty: one is made up.",
    addAddress: "Add this camera",
    restart: (name) => `${name} is in config.toml now. It starts with facestream's next start.`,
    opening: (name) => `${name} is being opened`,
    other: "Another camera",
    whoTitle: "Say who it is",
    noFace: "Look into the camera. No face is in sight yet.",
    several: "Several faces are in sight: choose yours.",
    ready: (who) => `A face is in sight (${who}). Hold still for a few seconds.`,
    yourName: "Your name",
    thatIsMe: "That is me",
    stays: "What the camera sees stays on this machine. Forget, in People, deletes all of it.",
    hello: (name) => `Hello, ${name}!`,
    helloText: "facestream knows you now.",
    learned: (name) => `${name} is enrolled`,
    learnedText: "Stay in sight for a moment: the name will appear on the picture.",
    toLive: "To the live picture",
  },

  jobs: {
    region: "Changes under way",
    more: "Details",
    over: (title, what) => `${title}: ${what}`,
    ended: { done: "done", failed: "failed", cancelled: "cancelled", lost: "lost" },
    dismiss: (title) => `Put away: ${title}`,
    cancelOf: (title) => `Cancel: ${title}`,
    states: { queued: "Waiting for its turn", running: "Working" },
    another: (name) => `It is another person than ${name}`,
    same: (name) => `It is ${name}`,
    force: "Use them all the same",
    title: (kind, who, about) => {
      switch (kind) {
        case "EnrolPictures":
        case "EnrolPaths":
        case "EnrolTrack":
        case "NameStranger":
          return `Enrol ${who}`;
        case "Rename":
          return about.next ? `Rename ${about.person} to ${about.next}` : `Rename ${who}`;
        case "Merge":
          return about.into ? `Merge ${about.person} into ${about.into}` : `Merge ${who}`;
        case "Forget":
          return `Forget ${who}`.trim();
        case "NotHer":
          return `Not ${who}`;
        case "Ignore":
          return about.undo ? `Ignore ${who} no longer` : `Ignore ${who}`;
        case "Activate":
          return about.version ? `Use version ${Number(about.version)}` : "Use another version";
        case "Export":
          return `Export ${who}`;
        case "Rebuild":
          return "Judge all crops again";
        case "Rollback":
          return "Go back one version";
        case "SetAside":
          return `Set aside a crop of ${who}`;
        case "PutBack":
          return `Put back a crop of ${who}`;
        case "SetConsent":
          return `Consent of ${who}`;
        default:
          return kind;
      }
    },
  },
};
