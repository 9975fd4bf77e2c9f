//! The organisation of the demo: a hospital with two buildings and four wards, and people, as an administrator imports them.

use anyhow::Result;
use serde_json::json;

use super::stage::Stage;

const PLACES: &str = "\
code,name,kind,parent
MAIN,Main site,site,
NORTH,North building,building,MAIN
SOUTH,South building,building,MAIN
ICU,Intensive care,ward,NORTH
ER,Emergency,ward,NORTH
PED,Children's ward,ward,SOUTH
ONC,Oncology,ward,SOUTH
";

const PEOPLE: &str = "\
external_id,name,email
1001,Ada Okafor,ada.okafor@hospital.example
1002,Ben Larsen,ben.larsen@hospital.example
1003,Chiara Rossi,chiara.rossi@hospital.example
1004,Dilan Kaya,dilan.kaya@hospital.example
1005,Emma Novak,emma.novak@hospital.example
1006,Farid Haddad,farid.haddad@hospital.example
";

const WARDS: [&str; 4] = ["ICU", "ER", "PED", "ONC"];
const OWNERS: [&str; 6] = ["1001", "1002", "1003", "1004", "1005", "1006"];

/// Makes the places and the people.
pub(super) async fn build(stage: &Stage) -> Result<()> {
    for csv in [PLACES, PEOPLE] {
        import(stage, csv.to_owned()).await?;
    }
    stage.put("/api/v1/places/MAIN/variables/wifi_ssid", json!({ "value": "St-Example-Clinical" })).await
}

/// Spreads the devices over the wards; those with `true` get an owner too, while there are people.
pub(super) async fn place(stage: &Stage, devices: &[(String, bool)]) -> Result<()> {
    let mut owners = OWNERS.iter();
    let mut csv = "serial,place,owner\n".to_owned();
    for ((serial, personal), ward) in devices.iter().zip(WARDS.iter().cycle()) {
        let owner = if *personal { owners.next().copied().unwrap_or_default() } else { "" };
        csv.push_str(&format!("{serial},{ward},{owner}\n"));
    }
    import(stage, csv).await
}

async fn import(stage: &Stage, csv: String) -> Result<()> {
    stage
        .post("/api/v1/organisation/import", json!({ "csv": csv, "apply": true, "skip_errors": true }))
        .await?;
    Ok(())
}
