"""The Studio's look: warm paper and ink, light and dark, the system's own letters. See also studio.css."""

from __future__ import annotations

from gradio import themes

PAPER, INK, QUIET, RULE, ACCENT = "#faf8f4", "#2f2d29", "#6f6b63", "#ddd8cd", "#b9482a"
NIGHT, LIGHT, DIM, LINE, GLOW = "#171614", "#ece8e0", "#a19c92", "#37342e", "#f0906a"
SANS = ("ui-sans-serif", "system-ui", "Segoe UI", "Helvetica Neue", "Arial", "sans-serif")
MONO = ("ui-monospace", "SFMono-Regular", "Consolas", "monospace")


def studio_theme() -> themes.Base:
    """Gradio's plain theme in our colours; it fetches nothing."""
    theme = themes.Base(
        primary_hue=themes.colors.orange,
        neutral_hue=themes.colors.stone,
        radius_size=themes.sizes.radius_md,
        spacing_size=themes.sizes.spacing_md,
        text_size=themes.sizes.text_md,
        font=SANS,
        font_mono=MONO,
    )
    pairs = {
        "body_background_fill": (PAPER, NIGHT),
        "body_text_color": (INK, LIGHT),
        "body_text_color_subdued": (QUIET, DIM),
        "background_fill_primary": (PAPER, NIGHT),
        "background_fill_secondary": (PAPER, NIGHT),
        "block_background_fill": ("transparent", "transparent"),
        "block_border_color": (RULE, LINE),
        "block_label_background_fill": ("transparent", "transparent"),
        "block_label_text_color": (QUIET, DIM),
        "block_title_text_color": (QUIET, DIM),
        "block_info_text_color": (QUIET, DIM),
        "border_color_primary": (RULE, LINE),
        "border_color_accent": (ACCENT, GLOW),
        "slider_color": (ACCENT, GLOW),
        "input_background_fill": ("#ffffff", "#211f1c"),
        "input_border_color": (RULE, LINE),
        "input_border_color_focus": (ACCENT, GLOW),
        "checkbox_background_color": ("#ffffff", "#211f1c"),
        "checkbox_background_color_selected": (ACCENT, GLOW),
        "checkbox_border_color_selected": (ACCENT, GLOW),
        "checkbox_label_background_fill": ("transparent", "transparent"),
        "checkbox_label_background_fill_hover": ("#f1ede5", "#26231f"),
        "checkbox_label_background_fill_selected": (INK, LIGHT),
        "checkbox_label_text_color_selected": (PAPER, NIGHT),
        "button_secondary_background_fill": ("#ffffff", "#211f1c"),
        "button_secondary_background_fill_hover": ("#f1ede5", "#2b2824"),
        "button_secondary_border_color": (RULE, LINE),
        "button_secondary_text_color": (INK, LIGHT),
        "button_primary_background_fill": (INK, LIGHT),
        "button_primary_background_fill_hover": ("#000000", "#ffffff"),
        "button_primary_border_color": ("transparent", "transparent"),
        "button_primary_text_color": (PAPER, NIGHT),
    }
    plain = {name: light for name, (light, _) in pairs.items()}
    dark = {f"{name}_dark": night for name, (_, night) in pairs.items()}
    plain["color_accent"] = ACCENT  # has no dark twin
    widths = {
        "block_border_width": "0px",
        "block_shadow": "none",
        "block_padding": "0px",
        "input_border_width": "1px",
        "input_shadow": "none",
        "block_title_text_weight": "400",
        "block_title_text_size": "*text_sm",
        "button_large_text_weight": "500",
        "checkbox_label_shadow": "none",
    }
    return theme.set(**plain, **dark, **widths)
