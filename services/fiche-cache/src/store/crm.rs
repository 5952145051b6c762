//! Turns at the CRM and its circuit breaker, for all replicas.

use crate::domain::circuit::{Change, Circuit, CircuitState};
use sqlx::PgConnection;
use std::time::Duration;

const PROVIDER: &str = "crm";

/// Makes sure that there are so many slots of a kind.
pub async fn prepare(conn: &mut PgConnection, kind: &str, slots: i32) -> sqlx::Result<()> {
    sqlx::query!(
        "INSERT INTO crm_permits (kind, slot) SELECT $1, slot FROM generate_series(1, $2) AS slot
         ON CONFLICT DO NOTHING",
        kind,
        slots,
    )
    .execute(conn)
    .await?;
    Ok(())
}

/// A look at the gate.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Entered {
    /// Whether a slot was free, and is taken.
    pub taken: bool,
    /// Whether the CRM may be asked.
    pub seen: Seen,
}

/// Takes a free slot, if there is one of the first `slots`, and looks at the breaker.
pub async fn enter(
    conn: &mut PgConnection,
    kind: &str,
    slots: i32,
    holder: &str,
    life: Duration,
) -> sqlx::Result<Entered> {
    let row = sqlx::query!(
        r#"WITH free AS (
             SELECT kind, slot FROM crm_permits
              WHERE kind = $1 AND slot <= $2 AND (holder IS NULL OR lease_until <= now())
              ORDER BY slot LIMIT 1 FOR UPDATE SKIP LOCKED),
           taken AS (
             UPDATE crm_permits p SET holder = $3, lease_until = now() + make_interval(secs => $4)
               FROM free WHERE p.kind = free.kind AND p.slot = free.slot
             RETURNING p.slot)
           SELECT EXISTS (SELECT FROM taken) AS "taken!",
                  state AS "state: CircuitState", failures, opened, auth_status,
                  EXTRACT(EPOCH FROM GREATEST(open_until, probe_until) - now())::float8 AS wait
             FROM crm_circuit WHERE provider = $5"#,
        kind,
        slots,
        holder,
        life.as_secs_f64(),
        PROVIDER,
    )
    .fetch_one(conn)
    .await?;
    Ok(Entered {
        taken: row.taken,
        seen: Seen {
            circuit: Circuit {
                state: row.state,
                failures: row.failures,
                opened: row.opened,
                auth_status: row.auth_status,
            },
            wait: row.wait,
        },
    })
}

/// Keeps all slots of a replica, whose holders begin with its name.
pub async fn renew(conn: &mut PgConnection, replica: &str, life: Duration) -> sqlx::Result<u64> {
    let renewed = sqlx::query!(
        "UPDATE crm_permits SET lease_until = now() + make_interval(secs => $2)
          WHERE starts_with(holder, $1)",
        replica,
        life.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(renewed.rows_affected())
}

/// Gives back the slot that this holder has, if any, tells who waits, and looks at the breaker.
pub async fn leave(conn: &mut PgConnection, kind: &str, holder: &str) -> sqlx::Result<Circuit> {
    let row = sqlx::query!(
        r#"WITH freed AS (
             UPDATE crm_permits SET holder = NULL, lease_until = NULL
              WHERE kind = $1 AND holder = $2 RETURNING kind)
           SELECT (SELECT count(pg_notify('fiche_turns', 'crm:' || kind)) FROM freed) AS told,
                  state AS "state: CircuitState", failures, opened, auth_status
             FROM crm_circuit WHERE provider = $3"#,
        kind,
        holder,
        PROVIDER,
    )
    .fetch_one(conn)
    .await?;
    Ok(Circuit {
        state: row.state,
        failures: row.failures,
        opened: row.opened,
        auth_status: row.auth_status,
    })
}

/// Turns of one kind.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Turns {
    /// The kind.
    pub kind: String,
    /// All slots.
    pub slots: i32,
    /// Those in use.
    pub held: i32,
}

/// How many slots are in use.
pub async fn turns(conn: &mut PgConnection) -> sqlx::Result<Vec<Turns>> {
    sqlx::query_as!(
        Turns,
        r#"SELECT kind, count(*)::integer AS "slots!",
                  (count(*) FILTER (WHERE lease_until > now()))::integer AS "held!"
             FROM crm_permits GROUP BY kind ORDER BY kind"#,
    )
    .fetch_all(conn)
    .await
}

/// Whether the CRM may be asked.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Seen {
    /// The breaker.
    pub circuit: Circuit,
    /// How long it stays open, in seconds; none or less when a probe is due.
    pub wait: Option<f64>,
}

/// Looks at the breaker.
pub async fn circuit(conn: &mut PgConnection) -> sqlx::Result<Seen> {
    let row = sqlx::query!(
        r#"SELECT state AS "state: CircuitState", failures, opened, auth_status,
                  EXTRACT(EPOCH FROM GREATEST(open_until, probe_until) - now())::float8 AS wait
             FROM crm_circuit WHERE provider = $1"#,
        PROVIDER,
    )
    .fetch_one(conn)
    .await?;
    Ok(Seen {
        circuit: Circuit {
            state: row.state,
            failures: row.failures,
            opened: row.opened,
            auth_status: row.auth_status,
        },
        wait: row.wait,
    })
}

/// Takes the one probe of an open breaker whose pause is over, and says whether it did. When the call
/// of a probe is lost the next may be made after `life`.
pub async fn probe(conn: &mut PgConnection, life: Duration) -> sqlx::Result<bool> {
    let taken = sqlx::query!(
        "UPDATE crm_circuit
            SET state = 'half_open', probe_until = now() + make_interval(secs => $2),
                changed_at = now()
          WHERE provider = $1 AND state <> 'closed' AND open_until <= now()
            AND (probe_until IS NULL OR probe_until <= now())",
        PROVIDER,
        life.as_secs_f64(),
    )
    .execute(conn)
    .await?;
    Ok(taken.rows_affected() == 1)
}

/// Looks at the breaker and keeps others from changing it until the transaction ends.
pub async fn lock(conn: &mut PgConnection) -> sqlx::Result<Circuit> {
    sqlx::query_as!(
        Circuit,
        r#"SELECT state AS "state: CircuitState", failures, opened, auth_status
             FROM crm_circuit WHERE provider = $1 FOR UPDATE"#,
        PROVIDER,
    )
    .fetch_one(conn)
    .await
}

/// Writes what an operation meant.
pub async fn apply(conn: &mut PgConnection, change: &Change) -> sqlx::Result<()> {
    let circuit = change.circuit;
    sqlx::query!(
        "UPDATE crm_circuit
            SET state = $2, failures = $3, opened = $4, auth_status = $5,
                open_until = COALESCE(now() + make_interval(secs => $6), open_until),
                probe_until = NULL, changed_at = now()
          WHERE provider = $1",
        PROVIDER,
        circuit.state as CircuitState,
        circuit.failures,
        circuit.opened,
        circuit.auth_status,
        change.pause.map(|pause| pause.as_secs_f64()),
    )
    .execute(conn)
    .await?;
    Ok(())
}
