//! The table: medians over the rounds, ratios round by round.

use std::collections::BTreeMap;

use crate::load::Figures;

/// Pairs of (Ward, bare stack), by row.
#[derive(Default)]
pub(crate) struct Table {
    rows: BTreeMap<String, Vec<(Figures, Figures)>>,
}

impl Table {
    /// Adds a round.
    pub(crate) fn add(&mut self, row: &str, ward: &Figures, bare: &Figures) {
        self.rows.entry(row.to_owned()).or_default().push((*ward, *bare));
    }

    /// Prints the table as Markdown.
    pub(crate) fn print(&self) {
        println!("| | Ward/s | bare/s | Ward per bare | Ward per core-second | bare per core-second |");
        println!("|---|---|---|---|---|---|");
        for (row, pairs) in &self.rows {
            let over =
                |figure: &dyn Fn(&(Figures, Figures)) -> f64| median(pairs.iter().map(figure).collect());
            println!(
                "| {row} | {:.0} | {:.0} | {:.2} | {:.0} | {:.0} |",
                over(&|(ward, _)| ward.per_second),
                over(&|(_, bare)| bare.per_second),
                over(&|(ward, bare)| ward.per_second / bare.per_second),
                over(&|(ward, _)| ward.per_core_second),
                over(&|(_, bare)| bare.per_core_second),
            );
        }
    }
}

fn median(mut figures: Vec<f64>) -> f64 {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().unwrap_or_default()
}
