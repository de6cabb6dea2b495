"""The list of everything the bot says."""

from dataclasses import dataclass

from bot.texts.commands import CommandTexts


@dataclass(frozen=True, slots=True, kw_only=True)
class Texts(CommandTexts):
    """The texts of one language. Every field must be filled, so the type checker finds a missing or misspelt one.

    Words in braces are filled with `str.format`; a translation has the same ones. Commands are among them, where a text
    names any. The titles of forms and the labels in them have 45 characters at most, the hints below
    the labels 100.
    """

    # how numbers are written
    decimal_point: str
    many: tuple[int, str]  # the unit of large numbers, and a count of it
    in_a_moment: str

    # what is asked about pictures that come without words
    describe_one: str
    describe_several: str

    # /help
    help_intro: str
    help_draw: str
    help_avoid: str
    help_careful: str
    help_choices: str
    help_remix: str
    help_lists: str
    help_ask: str
    help_reply: str
    help_keep: str
    help_menus: str
    help_queue: str
    help_history: str
    help_defaults: str
    help_status: str
    help_privacy: str
    help_settings: str
    demo_note: str
    draw_example: str
    ask_example: str
    ask_form: str

    # /status
    status_loading: str
    status_ready: str
    status_failed: str
    status_closed: str
    status_paused: str
    status_device: str
    status_work: str
    status_pace: str
    replica_ready: str
    replica_loading: str
    replica_failed: str
    replica_draining: str
    replicas_ready: str
    status_since: str
    presence_free: str
    presence_busy: str
    presence_loading: str
    presence_paused: str
    presence_failed: str

    # a job on its way
    received: str
    reading_picture: str
    loading: str
    queued: str
    queued_eta: str
    started: str
    progress: str
    progress_eta: str
    finishing: str
    thinking: str
    seconds: str
    minutes: str
    later_here: str
    later_kept: str

    # what came out
    drawing_line: str
    one_at_zero: str
    avoiding: str
    avoids_nothing: str
    of_these_words: str
    demo_avoid: str
    answer_line: str
    answer_unfinished: str
    answer_attached: str
    turns_dropped: str
    first_frame: str
    first_pictures: str
    no_words: str
    pictures_ready: str
    answer_ready: str

    # whose a message is that a button asked for, and what it goes on from
    for_member: str
    done_again: str
    done_edit: str
    done_vary_little: str
    done_vary: str
    done_vary_much: str
    done_remix: str
    done_enlarge: str
    done_describe: str
    done_ask_this: str
    done_ask_more: str
    done_menu: str
    done_example: str

    # pictures, for people who can't see them
    alt_picture: str
    alt_preview: str
    alt_asked: str

    # under a gallery
    again: str
    edit: str
    info: str
    choose: str
    choose_hint: str
    chosen: str
    vary_little: str
    vary: str
    vary_much: str
    remix: str
    remix_title: str
    remix_strength: str
    remix_half: str
    remix_quarter: str
    remix_beginning: str
    vary_hint: str
    enlarge: str
    enlarge_number: str
    enlarged_line: str
    describe: str
    ask_this: str
    always_the_same: str
    other_model: str
    large_enough: str
    keep: str
    send_me: str
    kept: str
    kept_by: str
    already_kept: str
    kept_removed: str
    no_keeping: str
    kept_for_adults: str
    sent_to_you: str
    no_direct_messages: str
    picture_not_here: str
    info_settings: str
    chosen_from: str
    info_seed: str
    info_judged: str
    info_alone: str
    info_alone_words: str
    info_alone_careful: str
    info_kept: str
    avoiding_more: str
    info_enlarged: str
    took_waiting: str
    took_drawing: str
    took_enlarging: str
    made_by: str
    made_by_older: str
    not_mine: str
    no_picture: str

    # a form to change a drawing
    edit_title: str
    edit_prompt: str
    edit_avoid: str
    edit_seed_hint: str
    edit_hint: str

    # how a job ended otherwise
    cancelled: str
    cancelled_by: str
    goes_on: str
    died: str
    stopping: str
    failed: str
    out_of_memory: str
    unavailable: str
    not_sent: str
    filtered: str
    not_taken: str
    busy: str
    outdated: str

    # what can't be taken
    prompt_empty: str
    question_empty: str
    refused_prompt: str
    refused_avoid: str
    too_many_choices: str
    no_such_list: str
    refused_question: str
    refused_conversation: str
    refused_pictures: str
    too_long: str
    not_a_picture: str
    unreadable_format: str
    broken_picture: str
    too_many_bytes: str
    too_many_pixels: str
    not_fetched: str
    queue_full: str
    no_picture_there: str
    picture_gone: str
    not_answered: str
    message_gone: str
    message_hidden: str
    closed_here: str
    reply_hidden: str
    how_to_ask: str
    member_full: str
    server_full: str
    member_hour: str
    member_presses: str
    server_hour: str
    paused: str
    blocked: str
    age_restricted_only: str
    roles_draw: str
    roles_ask: str
    roles_costly: str
    not_drawn_here: str
    drawn_elsewhere: str
    hidden_elsewhere: str
    refused_word: str
    lacking: str

    # /queue
    queue_title: str
    queue_empty: str
    queue_more: str
    withdraw: str
    queue_ready: str
    queue_look: str
    refresh: str
    history_title: str
    history_empty: str
    history_none_older: str
    history_newer: str
    history_older: str
    history_private: str

    # /settings
    settings_title: str
    settings_hint: str
    set_page_work: str
    set_page_people: str
    set_page_places: str
    settings_in_servers: str
    only_managers: str
    only_the_owner: str
    set_drawings: str
    set_answers: str
    set_member: str
    set_server: str
    set_words: str
    set_avoid: str
    set_lists: str
    set_seed: str
    set_guidance: str
    set_temperature: str
    set_count: str
    set_top_p: str
    set_tokens: str
    set_running: str
    set_queued: str
    set_hourly: str
    set_hint: str
    set_words_label: str
    set_words_hint: str
    set_words_count: str
    set_avoid_label: str
    set_avoid_hint: str
    set_lists_label: str
    set_lists_hint: str
    lists_wrong: str
    words_never: str
    set_none: str
    set_spoilers: str
    set_spoilers_hint: str
    set_adults: str
    set_adults_hint: str
    set_on: str
    set_off: str
    set_turn_on: str
    set_turn_off: str
    set_change: str
    set_careful: str
    set_careful_hint: str
    set_reports: str
    set_reports_hint: str
    set_reports_choose: str
    set_blocked: str
    set_blocked_hint: str
    set_blocked_more: str
    set_blocked_choose: str
    defaults_title: str
    defaults_hint: str
    defaults_avoid_hint: str
    defaults_private: str
    defaults_private_hint: str
    set_roles_draw: str
    set_roles_ask: str
    set_roles_costly: str
    set_roles_costly_hint: str
    set_roles_everyone: str
    set_roles_moderate: str
    set_roles_moderate_hint: str
    set_roles_choose: str
    set_roles_gone: str
    set_role_hourly: str
    set_role_hourly_hint: str
    set_role_hourly_choose: str
    set_role_hourly_empty: str
    set_role_hourly_many: str
    set_channels: str
    set_channels_choose: str
    set_channels_only: str
    set_channels_but: str
    set_channels_gone: str
    set_hidden: str
    set_hidden_hint: str
    set_kept: str
    set_kept_hint: str
    set_channel_choose: str
    bot_itself: str
    bot_serves: str
    bot_paused: str
    bot_pause: str
    bot_resume: str

    # /privacy
    privacy_title: str
    keeps_requests: str
    keeps_pictures: str
    keeps_others: str
    privacy_discord: str
    one_day: str
    days: str
    forget: str
    forget_sure: str
    forget_yes: str
    forget_no: str
    forgotten_all: str

    # reports
    report: str
    report_title: str
    report_reason: str
    report_reason_hint: str
    report_card: str
    report_by: str
    report_of: str
    reported: str
    already_reported: str
    no_reports: str
    not_my_picture: str
    not_reported: str
    remove: str
    removed: str
    block: str
    block_done: str
    not_removed: str
    only_moderators: str
    only_moderators_or: str

    not_a_number: str
    not_a_whole_number: str

    # permissions, as Discord calls them
    view_channel: str
    send_messages: str
    send_messages_in_threads: str
    attach_files: str
    read_message_history: str

    # buttons, and what they answer
    cancel: str
    show: str
    not_yours: str
    not_ready: str
    already_over: str
    only_the_asker: str
    try_again: str
    ask_more: str
    delete: str
    interrupted: str
    forgotten: str
    not_kept: str
    store_busy: str
    store_full: str
